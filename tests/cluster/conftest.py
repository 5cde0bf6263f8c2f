"""Small files to train on, as the contest's tests have them."""

from tests.contest.conftest import stripes

__all__ = ["stripes"]
