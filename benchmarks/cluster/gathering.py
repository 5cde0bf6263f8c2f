"""Rows of rounds into a file, each round once, whole, and of one host. Pure but for
the file."""

from collections.abc import Sequence

from benchmarks.cluster.errors import ClusterError
from benchmarks.contest.folder import RowFile
from benchmarks.contest.rounds import Row
from benchmarks.verdict.hosts import HostKey, host_key

RoundKey = tuple[str, int]
"""Group and number: which round it is, wherever it was played."""


def row_host(row: Row) -> HostKey:
    """Of a row as it is written."""
    return host_key(row.get("host"), row["environment"])


class Gathered:
    """`file` with what was played. `data`: digest of what all were to be fed.

    A round is known by its group and number alone, so that one which was played twice,
    since a host was given up that had played it after all, counts once: as it came first.
    """

    def __init__(self, file: RowFile, data: str) -> None:
        self.file = file
        self._data = data
        self._rounds: set[RoundKey] = {_key(row) for row in file.rows}

    def has(self, key: RoundKey) -> bool:
        """Whether the file has rows of the round."""
        return key in self._rounds

    def free_number(self, group: str, taken: Sequence[int]) -> int:
        """The least number that neither the file nor `taken` has: gaps are filled."""
        number = 0
        while (group, number) in self._rounds or number in taken:
            number += 1
        return number

    def take(self, rows: Sequence[Row], contenders: Sequence[str]) -> list[Row]:
        """Write a round's rows unless the file has them; returns those written.

        Raises `ClusterError` if they are not one whole round of `contenders`, of one
        host, fed with the data.
        """
        if not rows or sorted(row["contender"] for row in rows) != sorted(contenders):
            found = ", ".join(row["contender"] for row in rows) or "none"
            raise ClusterError(
                "a round is not whole", expected=", ".join(contenders), found=found
            )
        self._check(rows)
        key = _key(rows[0])
        if key in self._rounds:
            return []
        self.file.append(*rows)
        self._rounds.add(key)
        return list(rows)

    def _check(self, rows: Sequence[Row]) -> None:
        host = rows[0].get("host")
        if len({(_key(row), row_host(row)) for row in rows}) > 1:
            raise ClusterError(f"rows of several rounds or hosts came from {host}")
        for row in rows:
            digest = row["record"]["digests"]["data"] if "record" in row else self._data
            if digest != self._data:
                raise ClusterError(
                    f"host {host}: {row['contender']} was fed other data",
                    expected=self._data[:12],
                    found=digest[:12],
                )


def _key(row: Row) -> RoundKey:
    return row["group"], row["round"]
