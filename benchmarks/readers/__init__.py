"""File to array: one contender a file, each with `read(path)`.

A module's imports are those the contender needs, so that importing the module is
importing the contender. Where a peer leaves the user a choice, the quicker one is here.
"""
