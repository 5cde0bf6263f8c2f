"""Files from the network: mirrors in turn, resumed, hashed, published whole."""
