"""A machine for each class, with virtual support vectors, in threads.

Fitted on all examples, then on the support vectors and their shifts (Schölkopf, Burges
and Vapnik 1996: virtual support vectors). Equal bits for any number of threads: each
machine is fitted by one.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import QuotedError
from trainers.quoted.chunking import Machine, SvmNumbers, fit_in_chunks, import_svc
from trainers.quoted.shifting import shifted

Pixels = NDArray[np.uint8]
"""(n, height, width), 0..`deskewing.TOP`."""
Event = Callable[[dict[str, Any]], None]


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
    import_svc()
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
    import_svc()
    from threadpoolctl import threadpool_limits  # scikit-learn's own

    with threadpool_limits(1, user_api="blas"):
        yield
