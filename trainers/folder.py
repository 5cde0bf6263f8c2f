"""The folder of one run: last.npz, best.npz and record.json."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from idxdata.atomic import atomic_write
from idxdata.locks import Lock, named_lock
from trainers.checkpoints import (
    Checkpoint,
    RunFacts,
    read_best,
    read_checkpoint,
    save_best,
    save_checkpoint,
)
from trainers.errors import CheckpointError
from trainers.stopping import Best
from trainers.weights import Weights

LAST, BEST, RECORD = "last.npz", "best.npz", "record.json"
_LOCK = "run.lock"


class RunFolder:
    """Where a run of `facts` leaves what it needs to go on; of no path it keeps nothing.

    Of several processes one is the writer; the others only read.
    `last_s`: when `save` was last called, by `time.monotonic`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        facts: RunFacts,
        *,
        is_writer: bool = True,
    ) -> None:
        self._path = None if path is None else Path(path)
        self._target = self._path if is_writer else None
        self._facts = facts
        self._good: tuple[int, int] | None = None
        self.last_s = time.monotonic()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder if need be, and have it alone while the block runs.

        Raises `CheckpointError` if another run has it, and `OSError`.
        """
        if self._target is None:
            yield
            return
        self._target.mkdir(parents=True, exist_ok=True)
        with named_lock(self._target / _LOCK, wait=False) as lock:
            if lock is Lock.BUSY:
                raise CheckpointError(
                    "another run is under way in this folder",
                    path=self._target,
                    hint="wait for it, or use another folder",
                )
            yield

    def open(self, *, resume: bool) -> Checkpoint | None:
        """The checkpoint to go on from, if there is one.

        Raises `CheckpointError` if it holds a run and `resume` is not asked for, or its
        checkpoint is damaged or of another run, and `OSError`.
        """
        if self._path is None:
            return None
        there = [name for name in (LAST, BEST) if (self._path / name).exists()]
        if resume and LAST in there:
            checkpoint = read_checkpoint(self._path / LAST, self._facts)
            self._good = checkpoint.epoch, checkpoint.step
            return checkpoint
        if there:
            raise CheckpointError(
                "the folder holds another run",
                path=self._path,
                expected=f"no {there[0]}",
                hint="resume it if it has a last.npz, or use another folder",
            )
        return None

    def save(self, checkpoint: Checkpoint) -> dict[str, Any] | None:
        """Replace last.npz; the event that tells it. None if nothing was written.

        Weights that are not all finite numbers are not written: the next loss will say
        that training went wrong, and the checkpoint before is the one to go back to.
        """
        self.last_s = time.monotonic()
        if self._target is None or not all_finite(checkpoint.weights):
            return None
        save_checkpoint(self._target / LAST, checkpoint)
        self._good = checkpoint.epoch, checkpoint.step
        return {
            "event": "checkpoint",
            "path": str(self._target / LAST),
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
        }

    def save_best(self, weights: Weights, best: Best) -> None:
        """Replace best.npz."""
        if self._target is not None:
            save_best(self._target / BEST, self._facts, weights, best)

    def read_best(self) -> tuple[Best, Weights]:
        """What is in best.npz: `save_best` comes before the `save` that tells of it."""
        assert self._path is not None  # for the type checker: there was a checkpoint
        if not (self._path / BEST).exists():
            raise CheckpointError(
                "the best weights are gone", path=self._path, expected=BEST
            )
        return read_best(self._path / BEST, self._facts)

    def save_record(self, record: dict[str, Any]) -> None:
        """Write record.json."""
        if self._target is not None:
            with atomic_write(self._target / RECORD) as file:
                file.write(json.dumps(record).encode() + b"\n")

    def hint(self) -> str | None:
        """Where the last good checkpoint is, in words."""
        good = self._good if self._target is not None else self._seen()
        if self._path is None or good is None:
            return None
        epoch, step = good
        return (
            f"the last good checkpoint is {self._path / LAST}, before epoch {epoch}, "
            f"step {step}"
        )

    def _seen(self) -> tuple[int, int] | None:
        """Where the writer's last checkpoint stands, if this process can read it."""
        if self._path is None:
            return None
        try:
            checkpoint = read_checkpoint(self._path / LAST, self._facts)
        except (CheckpointError, OSError):
            return None
        return checkpoint.epoch, checkpoint.step


def all_finite(weights: Weights) -> bool:
    """Whether no number is infinite or NaN."""
    return all(bool(np.isfinite(array).all()) for array in weights.values())
