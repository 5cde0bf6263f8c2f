"""One command of the command line a file: `add_arguments(parser)`, `main(args)`."""
