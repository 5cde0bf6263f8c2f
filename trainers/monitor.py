"""What happens between two steps: progress is told, a loss that is no number stops.

Times given out are wall times in seconds.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.errors import DivergedError

Event = Callable[[dict[str, Any]], None]
Save = Callable[[int, list[float]], None]
"""Called with the steps that the epoch has done, and the losses of this pass."""

clock = time.perf_counter


class Monitor:
    """The `tick` of one pass through an epoch, from `start_step` on.

    `sizes`: examples in each batch of the epoch, (num_steps,). `steps_to_come`: those of
    later epochs. `data_share`: what share of the pass was spent waiting for batches, or
    None if that is not known. `save`: called where a checkpoint can be made, or None.

    Raises `DivergedError` when called with a loss that is not finite.
    """

    def __init__(
        self,
        epoch: int,
        start_step: int,
        sizes: NDArray[np.int64],
        steps_to_come: int,
        *,
        on_event: Event,
        hint: Callable[[], str | None],
        data_share: Callable[[], float] | None = None,
        save: Save | None = None,
    ) -> None:
        self._epoch = epoch
        self._start_step = start_step
        self._sizes = sizes
        self._steps_to_come = steps_to_come
        self._on_event = on_event
        self._hint = hint
        self._data_share = data_share
        self._save = save
        self._begin = clock()
        self._checked = 0

    def __call__(self, losses: list[float], batch_sizes: list[int]) -> None:
        """Between two steps; `losses` of the pass so far."""
        self._check(losses)
        if not losses:
            return
        done = self._start_step + len(losses)
        sizes = self._sizes[self._start_step : done]
        elapsed = max(clock() - self._begin, 1e-9)
        steps_left = len(self._sizes) - done + self._steps_to_come
        self._on_event(
            {
                "event": "progress",
                "epoch": self._epoch,
                "step": done,
                "steps": len(self._sizes),
                "loss": float(np.average(losses, weights=sizes)),
                "examples_per_s": int(sizes.sum()) / elapsed,
                "data_share": None if self._data_share is None else self._data_share(),
                "eta_s": elapsed / len(losses) * steps_left,
            }
        )
        if self._save is not None:
            self._save(done, losses)

    def _check(self, losses: list[float]) -> None:
        for index in range(self._checked, len(losses)):
            if not math.isfinite(losses[index]):
                step = self._start_step + index
                raise DivergedError("the loss of", self._epoch, step, self._hint())
        self._checked = len(losses)
