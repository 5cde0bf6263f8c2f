"""Ink, and distance to the mean of the class, of all examples: in the background.

Each takes a pass or two over all images, for gigabytes a minute. Whoever looks at the
page meanwhile is told how far it is, and may call it off.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from idxdata import measures
from idxdata.sharding import Images
from idxdata.viewer.labelling import narrow_rows

Measure = Literal["ink", "distance"]
State = Literal["idle", "running", "done", "cancelled", "failed"]

Groups = Callable[[], tuple[NDArray[Any], int]]
"""What distances are measured within: a group's number for each example, how many."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """`values` float32 (n,), and `order`: all rows by rising value, NaN last.

    Rows of one value are in file order. `order` is uint32 where that holds it.
    """

    values: NDArray[np.float32]
    order: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: `done` of `total` rows, each counted once a pass.

    `message` says why it failed, else None.
    """

    state: State
    done: int
    total: int
    message: str | None = None


class _CalledOff(Exception):
    pass


class Measuring:
    """One measure of one part's images (n, h, w[, 3]), made at most once.

    Safe to use from any thread.
    """

    def __init__(
        self, images: Images, measure: Measure, groups: Groups | None = None
    ) -> None:
        """`groups` are needed for distances alone, and asked for in the background."""
        self._images = images
        self._measure: Measure = measure
        self._groups = groups
        self._lock = threading.Lock()
        self._result: Measured | None = None
        self._total = len(images) * (1 if measure == "ink" else 2)
        self._progress = Progress("idle", 0, self._total)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def progress(self) -> Progress:
        return self._progress

    @property
    def result(self) -> Measured | None:
        """What was measured, or None as long as it is not done."""
        return self._result

    def start(self) -> None:
        """Measure in the background, unless that is done or on its way."""
        with self._lock:
            if self._progress.state in ("running", "done"):
                return
            self._stop = threading.Event()
            self._progress = Progress("running", 0, self._total)
            self._thread = threading.Thread(
                target=self._run,
                args=(self._stop,),
                name=f"idxdata-{self._measure}",
                daemon=True,
            )
            self._thread.start()

    def cancel(self) -> None:
        """Call it off, if it is on its way. What is done stays."""
        with self._lock:
            if self._progress.state == "running":
                self._stop.set()
                self._progress = Progress("cancelled", 0, self._total)

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until nothing is on its way."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _run(self, stop: threading.Event) -> None:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            # One that was called off has no say any more: another may be running.
            with self._lock:
                if stop.is_set():
                    raise _CalledOff
                self._progress = Progress("running", done, self._total)

        try:
            values = self._values(advance)
            result = Measured(
                values.astype(np.float32),
                narrow_rows(np.argsort(values, kind="stable")),
            )
        except _CalledOff:
            return
        except Exception as error:  # noqa: BLE001 - it becomes a line on the page
            text = f"{type(error).__name__}: {error}"
            self._finish(stop, Progress("failed", done, self._total, text))
            return
        self._finish(stop, Progress("done", self._total, self._total), result)

    def _finish(
        self, stop: threading.Event, progress: Progress, result: Measured | None = None
    ) -> None:
        with self._lock:
            if not stop.is_set():
                # In this order: who sees "done" finds the result.
                self._result = result
                self._progress = progress

    def _values(self, advance: Callable[[int], None]) -> NDArray[np.float64]:
        # What is not finite in images of floats is no reason to warn in a terminal.
        with np.errstate(all="ignore"):
            if self._measure == "ink" or self._groups is None:
                return measures.ink(self._images, advance=advance)
            groups, count = self._groups()
            means = measures.class_means(self._images, groups, count, advance=advance)
            return measures.distances(self._images, groups, means, advance=advance)
