"""Rounds on the hosts of a Ray cluster, one at a time on each."""
