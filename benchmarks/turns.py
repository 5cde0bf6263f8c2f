"""Fair turns: who is measured after whom. Pure."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turn(entries: Sequence[T], round_number: int) -> list[T]:
    """The entries of a round, counted from 0, in the order they are run.

    Every other round goes backwards, and each pair of rounds begins with another one,
    so that nobody always follows the same one: of two, each is first in turn.
    """
    start = round_number // 2 % max(1, len(entries))
    turned = [*entries[start:], *entries[:start]]
    return turned[::-1] if round_number % 2 else turned
