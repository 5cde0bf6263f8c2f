"""Contenders that take turns: who is entered, their processes, rounds, rows."""
