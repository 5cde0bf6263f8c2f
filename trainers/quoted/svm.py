"""A support vector machine for each class against the rest, on integers 0..127.

Fitted by Vapnik's chunking: the dual problem on some examples only, then on the support
vectors found and the examples that violate the margin worst, until none does. First on
all examples; then on the support vectors and their shifts (Schölkopf, Burges and Vapnik
1996: virtual support vectors).

Equal bits for any number of threads: scalar products of such integers are exact in
float32 in whatever order they are summed (`deskewing.MAX_PIXELS`), the kernel is made of
single float64 operations on them, and each machine is fitted by one thread.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import MissingFrameworkError
from trainers.errors import QuotedError
from trainers.quoted.quoted_recipes import check_keys, checked_integer, checked_number

Pixels = NDArray[np.uint8]
"""(n, height, width), 0..`deskewing.TOP`."""
Event = Callable[[dict[str, Any]], None]

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
        shifts = table["shifts"]
        is_list = isinstance(shifts, list) and all(
            isinstance(shift, list)
            and len(shift) == 2
            and all(type(part) is int for part in shift)
            for shift in shifts
        )
        if not is_list:
            raise QuotedError(
                "no shifts", expected="pairs of integers", found=repr(shifts)
            )
        pairs = tuple((down, right) for down, right in shifts)
        return SvmNumbers(**table | {"shifts": pairs})


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


def shifted(images: Pixels, down: int, right: int) -> Pixels:
    """By whole pixels; what comes in is 0. New memory.

    As `idxdata.Augmentation`'s shift has it, where that is of whole pixels.
    """
    height, width = images.shape[1:]
    result = np.zeros_like(images)
    if abs(down) >= height or abs(right) >= width:
        return result
    to_rows, of_rows = _overlap(down, height)
    to_columns, of_columns = _overlap(right, width)
    result[:, to_rows, to_columns] = images[:, of_rows, of_columns]
    return result


def fit_machines(
    images: Pixels,
    labels: NDArray[Any],
    num_classes: int,
    numbers: SvmNumbers,
    *,
    num_threads: int,
    on_event: Event,
) -> list[Machine]:
    """A machine for each class, in order. About 1 GB of memory a thread for MNIST.

    `labels` (n,), 0 .. num_classes - 1. `on_event` gets "progress" after each round of
    chunking, one call at a time, from any thread; what it raises ends the fit.

    Raises `QuotedError` if a class has no example or all of them, and
    `MissingFrameworkError` without scikit-learn.
    """
    counts = np.bincount(labels, minlength=num_classes)
    if 0 in counts or len(labels) in counts:
        raise QuotedError(
            "nothing to tell a class from the others by",
            expected="examples of each class",
            found=f"{counts.min()} of class {counts.argmin()}",
        )
    _import_svc()
    progress = _Progress(2 * num_classes, on_event)
    fit = partial(_fit_machine, images, labels, numbers, progress)
    return _in_threads(fit, range(num_classes), num_threads, progress.stop)


def classify(
    machines: list[Machine], images: Pixels, *, num_threads: int, on_event: Event
) -> NDArray[np.int64]:
    """The class whose machine says the most, the first of equals: int64 (n,)."""
    examples = images.reshape(len(images), -1)
    progress = _Progress(len(machines), on_event)

    def decide(machine: Machine) -> NDArray[np.float64]:
        values = machine.decide(examples)
        progress.tell("judge", "", is_done=True)
        return values

    values = _in_threads(decide, machines, num_threads, progress.stop)
    places: NDArray[np.int64] = np.argmax(values, axis=0)
    return places


class _StoppedError(Exception):
    """Another thread's error has ended the work; nobody outside sees this one."""


class _Progress:
    """Events of several threads, one at a time; and the order to stop."""

    def __init__(self, total: int, on_event: Event) -> None:
        self._total, self._done = total, 0
        self._on_event = on_event
        self._lock = threading.Lock()
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def tell(self, part: str, text: str, *, is_done: bool) -> None:
        with self._lock:
            if self._is_stopped:
                raise _StoppedError
            self._done += is_done
            event = {"event": "progress", "part": part, "text": text}
            try:
                self._on_event(event | {"done": self._done, "total": self._total})
            except BaseException:
                self._is_stopped = True
                raise


def _fit_machine(
    images: Pixels,
    labels: NDArray[Any],
    numbers: SvmNumbers,
    progress: _Progress,
    label: int,
) -> Machine:
    """Support vectors of all examples, then of those and their shifts."""
    tell = partial(_tell_round, progress, f"class {label}")
    is_class = labels == label
    examples = images.reshape(len(images), -1)
    start = np.arange(0, len(examples), numbers.first_every)
    kept, first = fit_in_chunks(
        examples, is_class, start, numbers, margin=numbers.first_margin, on_round=tell
    )
    progress.tell("fit", f"class {label}: {len(kept):,} vectors", is_done=True)
    shifts = ((0, 0), *numbers.shifts)
    virtual = np.concatenate([shifted(images[kept], *shift) for shift in shifts])
    _, second = fit_in_chunks(
        virtual.reshape(len(virtual), -1),
        np.tile(is_class[kept], len(shifts)),
        np.arange(len(kept)),
        numbers,
        margin=numbers.second_margin,
        on_round=tell,
    )
    is_settled = first.is_settled and second.is_settled
    text = "" if is_settled else ", not settled"
    text = f"class {label}: {len(second.vectors):,} vectors{text}"
    progress.tell("fit", text, is_done=True)
    return Machine(second.vectors, second.weights, second.bias, numbers, is_settled)


def _tell_round(progress: _Progress, what: str, number: int, size: int) -> None:
    progress.tell("fit", f"{what}: round {number}, {size:,} examples", is_done=False)


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
    svc = _import_svc()(kernel="precomputed", C=numbers.C)
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


def _overlap(by: int, size: int) -> tuple[slice, slice]:
    """Where a shifted axis has what was there, and where that was."""
    there = slice(max(by, 0), size + min(by, 0))
    return there, slice(max(-by, 0), size + min(-by, 0))


def _in_threads(
    work: Callable[[Any], Any], tasks: Any, num_threads: int, stop: Callable[[], None]
) -> list[Any]:
    """Results in order, or the first error; `stop` makes what is running end by itself.

    libsvm and NumPy let other threads run while they compute.
    """
    with _one_blas_thread(), ThreadPoolExecutor(num_threads) as pool:
        futures = [pool.submit(work, task) for task in tasks]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            stop()
            pool.shutdown(cancel_futures=True)
    errors = [future.exception() for future in futures if not future.cancelled()]
    for error in errors:
        if error is not None and not isinstance(error, _StoppedError):
            raise error
    return [future.result() for future in futures]


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Matrix products by the thread that asks for them: sums of the same bits."""
    _import_svc()
    from threadpoolctl import threadpool_limits  # scikit-learn's own

    with threadpool_limits(1, user_api="blas"):
        yield


def _import_svc() -> Any:
    try:
        from sklearn.svm import SVC
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("scikit-learn", "bench") from error
    return SVC
