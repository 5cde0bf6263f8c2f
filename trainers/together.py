"""What the processes of one run have to agree on, or put together. By sums alone.

A sum over ranks of arrays in which each rank has written its own place, and zeros
elsewhere, is all ranks' places, bit for bit, on every rank.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import LaunchError
from trainers.loops.ranks import Ranks

Sum = Callable[[NDArray[Any]], NDArray[Any]]
"""The sum over all ranks of an array that has one shape and dtype on all of them."""

_DIGEST_PARTS = 16
_TOLD_BYTES = 120
"""Of a text in which processes differ."""


def check_agreement(
    ranks: Ranks, sum_over_ranks: Sum, facts: Mapping[str, str]
) -> None:
    """Raises `LaunchError`, on all ranks, unless all of them have the same `facts`.

    `facts`: texts by name, which have to be the same names everywhere. The error names
    the first in which a rank differs from rank 0, and what both have.
    """
    digests = np.zeros((ranks.num_ranks, len(facts), _DIGEST_PARTS))
    for place, text in enumerate(facts.values()):
        digest = hashlib.sha256(text.encode()).digest()
        digests[ranks.rank, place] = np.frombuffer(digest, "<u2")
    digests = sum_over_ranks(digests)
    for place, (name, text) in enumerate(facts.items()):
        same = (digests[:, place] == digests[0, place]).all(axis=1)
        if same.all():
            continue
        # Every rank has the same digests and so comes to this same place.
        texts = _gathered(ranks, sum_over_ranks, text)
        others = np.flatnonzero(~same).tolist()
        found = "; ".join(f"{texts[rank]} on rank {rank}" for rank in others[:3])
        more = f"; and {len(others) - 3} more" if len(others) > 3 else ""
        raise LaunchError(
            f"the processes of this run differ in their {name}",
            expected=f"on all what rank 0 has, {texts[0]}",
            found=found + more,
            hint="all need the same options and data",
        )


def _gathered(ranks: Ranks, sum_over_ranks: Sum, text: str) -> list[str]:
    """Every rank's text, in order; of long ones the beginning."""
    letters = np.zeros((ranks.num_ranks, _TOLD_BYTES))
    told = np.frombuffer(text.encode()[:_TOLD_BYTES], np.uint8)
    letters[ranks.rank, : len(told)] = told
    rows = sum_over_ranks(letters).astype(np.uint8)
    return [row.tobytes().rstrip(b"\0").decode(errors="replace") for row in rows]


def put_together(
    sum_over_ranks: Sum, part: NDArray[Any], rows: NDArray[np.int64], count: int
) -> NDArray[Any]:
    """All ranks' parts as one array (count, ...): `part` (m, ...) at its `rows` (m,)."""
    whole = np.zeros((count, *part.shape[1:]), part.dtype)
    whole[rows] = part
    return sum_over_ranks(whole)
