"""Arrays and datasets to and from other kinds of files: one file a format."""
