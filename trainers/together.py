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


def check_agreement(
    ranks: Ranks, sum_over_ranks: Sum, facts: Mapping[str, str]
) -> None:
    """Raises `LaunchError`, on all ranks, unless all of them have the same `facts`.

    `facts`: texts by name, which have to be the same names everywhere.
    """
    digests = np.zeros((ranks.num_ranks, len(facts), _DIGEST_PARTS))
    for place, text in enumerate(facts.values()):
        digest = hashlib.sha256(text.encode()).digest()
        digests[ranks.rank, place] = np.frombuffer(digest, "<u2")
    digests = sum_over_ranks(digests)
    for place, name in enumerate(facts):
        same = (digests[:, place] == digests[0, place]).all(axis=1)
        if not same.all():
            others = ", ".join(map(str, np.flatnonzero(~same)))
            raise LaunchError(
                f"the processes of this run differ in {name}",
                expected="on all what rank 0 has",
                found=f"something else on rank {others}; on rank {ranks.rank} {facts[name]}",
                hint="all need the same options, data, and checkpoint folder",
            )


def put_together(
    sum_over_ranks: Sum, part: NDArray[Any], rows: NDArray[np.int64], count: int
) -> NDArray[Any]:
    """All ranks' parts as one array (count, ...): `part` (m, ...) at its `rows` (m,)."""
    whole = np.zeros((count, *part.shape[1:]), part.dtype)
    whole[rows] = part
    return sum_over_ranks(whole)
