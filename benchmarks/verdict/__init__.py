"""From rows to what can be said about them. Pure: reads no file but by `read_rows`."""

from benchmarks.verdict.judging import Verdict, judge
from benchmarks.verdict.rows import Row, read_rows

__all__ = ["Row", "Verdict", "judge", "read_rows"]
