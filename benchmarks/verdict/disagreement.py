"""Where two contenders' answers differ, and whether seeds explain the difference."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.stats import MIN_PAIRS
from benchmarks.verdict.quality import Mean, mean_interval
from benchmarks.verdict.rows import Row

ALPHA = 0.05


class Explained(Enum):
    """What seeds say about a difference in accuracy; the value is the words for it."""

    BY_SEEDS = "no more than seeds explain"
    NOT_BY_SEEDS = "more than seeds explain"
    TOO_FEW = "of too few seeds to say"


@dataclass(frozen=True, slots=True)
class McNemar:
    """One pair of models: examples that only one of them got wrong.

    `p` is exact, two-sided: the chance that examples of which both models get equally
    many wrong fall at least so unevenly.
    """

    round: int
    only_a_wrong: int
    only_b_wrong: int
    p: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """`difference`: b's accuracy less a's, of each round that both ended.

    `only_a`, `only_b` and `both`: in how many rounds an example (its index) was got
    wrong by that one alone, or by both.
    """

    difference: Mean
    tests: tuple[McNemar, ...]
    only_a: Mapping[int, int]
    only_b: Mapping[int, int]
    both: Mapping[int, int]

    @property
    def explained(self) -> Explained:
        """By the interval of the mean difference."""
        if len(self.tests) > 1 and not self.difference.leaves_out_zero:
            return Explained.BY_SEEDS
        if len(self.tests) < MIN_PAIRS:
            return Explained.TOO_FEW
        return Explained.NOT_BY_SEEDS

    @property
    def num_significant(self) -> int:
        """Rounds in which McNemar's test finds the two models different."""
        return sum(test.p < ALPHA for test in self.tests)


def disagree(pairs: Sequence[tuple[Row, Row]]) -> Disagreement:
    """Of rows of a and of b, side by side, at least one pair, all with records."""
    tests: list[McNemar] = []
    differences: list[float] = []
    only_a, only_b, both = Counter[int](), Counter[int](), Counter[int]()
    for row_a, row_b in pairs:
        a, b = row_a.record, row_b.record
        assert a is not None and b is not None  # for the type checker
        wrong_a = {index for index, _ in a.metrics.wrong}
        wrong_b = {index for index, _ in b.metrics.wrong}
        only_a.update(wrong_a - wrong_b)
        only_b.update(wrong_b - wrong_a)
        both.update(wrong_a & wrong_b)
        counts = len(wrong_a - wrong_b), len(wrong_b - wrong_a)
        tests.append(McNemar(row_a.round, *counts, mcnemar_p(*counts)))
        differences.append(b.metrics.accuracy - a.metrics.accuracy)
    return Disagreement(mean_interval(differences), tuple(tests), only_a, only_b, both)


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Exact and two-sided: the binomial test of `only_a` of both against one half."""
    total, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(total, number) for number in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**total))
