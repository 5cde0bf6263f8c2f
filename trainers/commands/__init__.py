"""What `python -m trainers` does: a command a file, `main(args)` each."""
