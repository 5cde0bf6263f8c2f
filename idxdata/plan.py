"""Plan: which example goes into which batch, as a pure function. No state, no memory.

The order of an epoch is a permutation keyed by (seed, epoch), computed for any
position on its own (`_kernels/permute.py` has the rounds). The key:

    G = 0x9E3779B97F4A7C15, mix = splitmix64's finaliser (Steele, Lea, Flood:
    Fast Splittable Pseudorandom Number Generators, 2014), all modulo 2^64
    key = mix(mix(seed + G) + epoch + G)
    word[r] = mix(key + (r + 1) * G)      for r = 0 .. ROUNDS - 1
    multiplier[r] = (word[r] mod 2^32) | 1,  addend[r] = word[r] >> 32

Seed and epoch are mixed, not added, so that seed 7 epoch 1 shares nothing with
seed 8 epoch 0.
"""

import functools
import operator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import PlanError

ROUNDS = 16
"""8 pass every test for large n, but 12 still favour some of the orders of 7."""

MAX_EXAMPLES = 2**32

_GOLDEN = 0x9E3779B97F4A7C15
_MASK64 = 2**64 - 1


def _mix64(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK64
    return value ^ (value >> 31)


def _integer(name: str, value: object, low: int, high: int) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = low - 1
    if not low <= number <= high:
        raise PlanError(
            f"{name} out of range",
            expected=f"an integer from {low} to {high}",
            found=repr(value),
        )
    return number


@functools.lru_cache(maxsize=64)
def round_constants(
    seed: int, epoch: int, rounds: int = ROUNDS
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Multipliers and addends of the rounds, as in the module's text.

    Two uint64 arrays of shape (rounds,) with values below 2^32, shared and not to
    be written to.
    """
    key = _mix64((_mix64((seed + _GOLDEN) & _MASK64) + epoch + _GOLDEN) & _MASK64)
    words = [_mix64((key + (r + 1) * _GOLDEN) & _MASK64) for r in range(rounds)]
    multipliers = np.array([word & 0xFFFFFFFF | 1 for word in words], np.uint64)
    addends = np.array([word >> 32 for word in words], np.uint64)
    return multipliers, addends


@dataclass(frozen=True, slots=True)
class Plan:
    """An order of batches over `num_examples` examples, the same on every machine.

    `batch_size` is the global batch: with `num_ranks` > 1 each of the ranks gets
    batch_size / num_ranks consecutive entries of it, rank r the r-th slice, so all
    ranks together see the same batches for any `num_ranks`, in as many steps.
    `seed` is 0 to 2^64 - 1. `shuffle=False` keeps file order in every epoch.
    The last batch of an epoch may be short; `drop_last` leaves it out. A short
    batch is shared among ranks as evenly as whole examples allow.

    Raises `PlanError` if a number is out of range, `num_ranks` does not divide
    `batch_size`, `drop_last` leaves no batch, or the last batch is too short to
    give every rank an example.
    """

    num_examples: int
    batch_size: int
    seed: int = field(kw_only=True)
    shuffle: bool = field(default=True, kw_only=True)
    drop_last: bool = field(default=False, kw_only=True)
    rank: int = field(default=0, kw_only=True)
    num_ranks: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        self._check("num_examples", 1, MAX_EXAMPLES)
        self._check("batch_size", 1, MAX_EXAMPLES)
        self._check("seed", 0, _MASK64)
        self._check("num_ranks", 1, self.batch_size)
        self._check("rank", 0, self.num_ranks - 1)
        if self.batch_size % self.num_ranks:
            raise PlanError(
                "batch_size cannot be shared evenly",
                expected=f"a multiple of num_ranks = {self.num_ranks}",
                found=self.batch_size,
            )
        rest = self.num_examples % self.batch_size
        if self.drop_last and self.num_examples < self.batch_size:
            raise PlanError(
                "drop_last leaves no batch",
                expected=f"at least batch_size = {self.batch_size} examples",
                found=self.num_examples,
            )
        if not self.drop_last and 0 < rest < self.num_ranks:
            raise PlanError(
                "the last batch is too short for all ranks",
                expected=f"at least {self.num_ranks} examples",
                found=rest,
                hint="use drop_last=True or another batch_size",
            )

    def _check(self, name: str, low: int, high: int) -> None:
        # Kept as a Python int: NumPy's would overflow in the key's arithmetic.
        number = _integer(name, getattr(self, name), low, high)
        object.__setattr__(self, name, number)

    @property
    def num_steps(self) -> int:
        """Steps of an epoch, the same on every rank."""
        whole, rest = divmod(self.num_examples, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    @property
    def max_batch_size(self) -> int:
        """The most examples that `indices` gives this rank in one step."""
        return min(self.batch_size, self.num_examples) // self.num_ranks + (
            self.num_examples < self.batch_size
        )

    def indices(self, epoch: int, step: int) -> NDArray[np.int64]:
        """Row numbers of this rank's part of one batch, a fresh int64 array (m,).

        m is batch_size / num_ranks, or less in a short last batch. Its
        cost grows with m, not with `num_examples`.

        Raises `PlanError` if `epoch` is not 0 to 2^64 - 1 or `step` not 0 to
        num_steps - 1.
        """
        epoch = _integer("epoch", epoch, 0, _MASK64)
        step = _integer("step", step, 0, self.num_steps - 1)
        first = step * self.batch_size
        count = min(self.batch_size, self.num_examples - first)
        start = first + count * self.rank // self.num_ranks
        stop = first + count * (self.rank + 1) // self.num_ranks
        if not self.shuffle:
            return np.arange(start, stop, dtype=np.int64)
        from idxdata._kernels.permute import permute

        multipliers, addends = round_constants(self.seed, epoch)
        out = np.empty(stop - start, np.int64)
        permute(
            np.uint64(start),
            np.uint64(self.num_examples),
            np.uint64((self.num_examples - 1).bit_length()),
            multipliers,
            addends,
            out,
        )
        return out
