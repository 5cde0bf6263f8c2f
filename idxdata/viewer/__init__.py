"""A page in the browser to look through examples, served on this machine only."""
