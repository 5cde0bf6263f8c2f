"""One machine: a class against the rest, fitted in chunks.

Vapnik's chunking: the dual problem on some examples only, then on the support vectors
found and the examples that violate the margin worst, until none does.

Scalar products of integers 0..127 are exact in float32 in whatever order they are summed
(`deskewing.MAX_PIXELS`), and the kernel is made of single float64 operations on them: its
bits do not depend on a BLAS.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import MissingFrameworkError
from trainers.quoted.quoted_recipes import check_keys, checked_integer, checked_number
from trainers.quoted.shifting import checked_shifts

_BLOCK = 2048
_CACHED = 1 << 16
"""Numbers of a kernel matrix that are raised to a power together: half a megabyte."""
_MANY = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class SvmNumbers:
    """What fixes the machines; `recipes/quoted/svm-0.8.toml` tells what each is.

    `shifts`: (pixels down, pixels right) of each virtual example. Raises `QuotedError`
    if a number is of a wrong type or out of range.
    """

    degree: int
    constant: float
    C: float
    first_every: int
    most_added: int
    first_margin: float
    second_margin: float
    max_rounds: int
    shifts: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        for name in ("degree", "first_every", "most_added", "max_rounds"):
            checked_integer(name, getattr(self, name), 1)
        checked_number("constant", self.constant, 0, _MANY)
        checked_number("C", self.C, 1e-9, _MANY)
        for name in ("first_margin", "second_margin"):
            checked_number(name, getattr(self, name), 0, 1)

    @staticmethod
    def from_table(table: dict[str, Any]) -> "SvmNumbers":
        """Of a quoted recipe's `numbers`. Raises `QuotedError`."""
        check_keys(table, {field.name for field in fields(SvmNumbers)})
        return SvmNumbers(**table | {"shifts": checked_shifts(table["shifts"])})


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """One class against the rest.

    `vectors`: uint8 (m, pixels). `weights`: float64 (m,), of each vector, negative for
    those of the rest. `is_settled`: all examples have the margin asked for.
    """

    vectors: NDArray[np.uint8]
    weights: NDArray[np.float64]
    bias: float
    numbers: SvmNumbers
    is_settled: bool

    def decide(self, examples: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Of uint8 (n, pixels): float64 (n,), positive for the class, +-1 at margins."""
        vectors = self.vectors.astype(np.float32)
        values = np.empty(len(examples))
        for start in range(0, len(examples), _BLOCK):
            part = examples[start : start + _BLOCK].astype(np.float32)
            products = kernel(part, vectors, self.numbers) @ self.weights
            values[start : start + _BLOCK] = products
        values += self.bias
        return values


def kernel(
    a: NDArray[np.float32], b: NDArray[np.float32], numbers: SvmNumbers
) -> NDArray[np.float64]:
    """((cos + constant) / (1 + constant))^degree, of the angles between rows.

    `a` (n, pixels) and `b` (m, pixels) hold integers 0..127; float64 (n, m). The angle
    with a black image is a right one.
    """
    inverse_a, inverse_b = (
        1 / np.sqrt(np.maximum(np.einsum("ij,ij->i", x, x).astype(np.float64), 1))
        for x in (a, b)
    )
    result = np.empty((len(a), len(b)))
    step = max(1, _CACHED // max(1, len(b)))
    for start in range(0, len(a), _BLOCK):
        products = a[start : start + _BLOCK] @ b.T
        for row in range(0, len(products), step):
            cosine = products[row : row + step].astype(np.float64)
            place = slice(start + row, start + row + len(cosine))
            cosine *= inverse_a[place, None]
            cosine *= inverse_b
            cosine += numbers.constant
            cosine /= 1 + numbers.constant
            _power(cosine, numbers.degree, result[place])
    return result


def fit_in_chunks(
    examples: NDArray[np.uint8],
    is_class: NDArray[np.bool_],
    start: NDArray[np.int64],
    numbers: SvmNumbers,
    *,
    margin: float,
    on_round: Callable[[int, int], None],
) -> tuple[NDArray[np.int64], Machine]:
    """The rows that are support vectors, ascending, and the machine of them.

    `examples`: uint8 (n, pixels), of both kinds. `start`: rows to begin with, ascending.
    All others have at least `margin` in the end, or `max_rounds` are over. `on_round` is
    called with number, from 1, and examples of each round.
    """
    sign = np.where(is_class, 1.0, -1.0)
    # Both kinds from the beginning: the first of each, if need be.
    missing = [k for k in (True, False) if k not in is_class[start]]
    active = np.union1d(start, [int(np.argmax(is_class == k)) for k in missing])
    active = active.astype(np.int64)
    for number in range(1, numbers.max_rounds + 1):
        on_round(number, len(active))
        support, weights, bias = _solve(examples[active], is_class[active], numbers)
        kept = active[support]
        machine = Machine(examples[kept], weights, bias, numbers, is_settled=False)
        rest = np.setdiff1d(np.arange(len(examples)), active)
        margins = machine.decide(examples[rest]) * sign[rest]
        low = np.flatnonzero(margins < margin)
        if not len(low):
            return kept, Machine(
                examples[kept], weights, bias, numbers, is_settled=True
            )
        worst = low[np.argsort(margins[low], kind="stable")[: numbers.most_added]]
        active = np.sort(np.concatenate([kept, rest[worst]]))
    return kept, machine


def _solve(
    examples: NDArray[np.uint8], is_class: NDArray[np.bool_], numbers: SvmNumbers
) -> tuple[NDArray[np.int32], NDArray[np.float64], float]:
    """Of all these examples: which are support vectors, their weights, the bias."""
    svc = import_svc()(kernel="precomputed", C=numbers.C)
    floats = examples.astype(np.float32)
    svc.fit(kernel(floats, floats, numbers), is_class)
    return svc.support_, svc.dual_coef_[0].copy(), float(svc.intercept_[0])


def _power(values: NDArray[np.float64], degree: int, out: NDArray[np.float64]) -> None:
    """`out` = values^degree by squaring, each product rounded once. Spoils `values`."""
    out[...] = 1
    while True:
        if degree & 1:
            out *= values
        degree >>= 1
        if not degree:
            return
        values *= values


def import_svc() -> Any:
    """scikit-learn's `SVC`. Raises `MissingFrameworkError`."""
    try:
        from sklearn.svm import SVC
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("scikit-learn", "bench") from error
    return SVC
