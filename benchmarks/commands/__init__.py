"""`python -m benchmarks`: one command a file."""
