"""Array to raw file: one contender a file, each with `write(path, array)`."""
