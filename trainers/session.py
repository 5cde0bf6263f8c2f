"""A run under way: its trainer and data, and how far it has come."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import Batches, Dataset
from trainers.checkpoints import Checkpoint, RunFacts
from trainers.errors import DivergedError, RankLostError
from trainers.feeding import Feed
from trainers.folder import RunFolder
from trainers.loops import Loop, find_loop, import_loop
from trainers.loops.job import Job
from trainers.loops.ranks import Ranks
from trainers.monitor import Event, Monitor
from trainers.options import RunOptions
from trainers.recipes import Recipe, fit_recipe
from trainers.record import EpochRecord
from trainers.resuming import check_place, made_with, warning
from trainers.stopping import Best, better, is_over, mean_cross_entropy
from trainers.timing import TimedEpoch
from trainers.together import Sum, check_agreement, put_together
from trainers.weights import Weights


@dataclass(slots=True)
class Progress:
    """What a checkpoint keeps, and the best weights.

    `epoch`, `step`: of the step that comes next. `losses`: of all steps done.
    """

    epoch: int = 0
    step: int = 0
    losses: list[float] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)
    best: Best | None = None
    best_weights: Weights | None = None
    resumed_at: list[tuple[int, int]] = field(default_factory=list)


class Session:
    """All that is fixed for a run, its trainer and its progress.

    Imports and configures the framework; `build` makes the model. One of several
    processes meets the others here, and tells no events unless it is rank 0.
    """

    def __init__(self, options: RunOptions, dataset: Dataset, on_event: Event) -> None:
        self.options = options
        self.dataset = dataset
        launch = options.launch
        self.rank = 0 if launch is None else launch.rank
        self.num_ranks = 1 if launch is None else launch.num_ranks
        self.on_event: Event = on_event if self.rank == 0 else lambda event: None
        self.recipe = _fitted(options, dataset)
        self.loop: Loop = find_loop(options.loop)
        begin = time.perf_counter()
        self.module: Any = import_loop(self.loop)
        self.import_s = time.perf_counter() - begin
        self.feed = Feed(
            dataset,
            self.recipe,
            self.loop,
            options.seed,
            options.validation,
            self.rank,
            self.num_ranks,
        )
        self.num_epochs = self.recipe.epochs
        num_steps = self.num_epochs * self.feed.num_steps
        self.job = _job(options, self.recipe, self.loop, num_steps, self.feed)
        begin = time.perf_counter()
        self.flags: dict[str, Any] = self.module.configure(self.job)
        self.configure_s = time.perf_counter() - begin
        self.sum_over_ranks: Sum | None = None
        """None if this process trains alone."""
        if self.job.ranks is not None:
            self.sum_over_ranks = partial(self.module.sum_over_ranks, self.job)
        self.made_with = made_with(self.loop, self.flags)
        self.facts = _facts(options, self.recipe, dataset)
        self.folder = RunFolder(
            options.checkpoint_folder, self.facts, is_writer=self.rank == 0
        )
        self.progress = Progress()
        self.trainer: Any = None

    def build(self, weights: Weights) -> None:
        """Make the model with these weights."""
        self.trainer = self.module.build(self.job)
        self.module.load_weights(self.trainer, weights)

    def check_ranks(self, checkpoint: Checkpoint | None) -> None:
        """Raises `LaunchError` if another process is about to train something else.

        None of them goes on before all are here.
        """
        if self.job.ranks is None or self.sum_over_ranks is None:
            return
        place = "no folder"
        if self.options.checkpoint_folder is not None:
            place = "a folder without one"
        if checkpoint is not None:
            place = f"epoch {checkpoint.epoch}, step {checkpoint.step}"
        facts = {
            f"recipe's {item.name}": repr(getattr(self.recipe, item.name))
            for item in fields(self.recipe)
        }
        facts |= {
            "loop": self.loop.name,
            "seed": str(self.options.seed),
            "precision": self.options.precision,
            "validation": str(self.options.validation),
            "patience": str(self.options.patience),
            "device": self.options.device,
            "data": self.facts.data,
            "checkpoints (--checkpoint, --resume, --save)": place,
            "version": str(self.flags["version"]),
        }
        check_agreement(self.job.ranks, self.sum_over_ranks, facts)

    @contextmanager
    def watched_ranks(self) -> Iterator[None]:
        """Errors of a framework that miss another process become `RankLostError`."""
        try:
            yield
        except Exception as error:
            lost = None if self.job.ranks is None else self.module.lost_rank(error)
            if lost is None:
                raise
            raise RankLostError(
                "another process of this run is gone, or not heard of in time",
                expected=f"{self.num_ranks} processes; {self.options.timeout_s:g} s",
                found=lost[:200],
                hint=self.folder.hint() or "start all of them again",
            ) from error

    def restore(self, checkpoint: Checkpoint) -> None:
        """Stand where the checkpoint was made. Raises `CheckpointError`.

        Sends a "warning" if threads or versions were others: bits may depend on them.
        """
        check_place(checkpoint, self.feed.num_steps)
        self.feed.check_state(checkpoint.batches, checkpoint.epoch, checkpoint.step)
        self.module.load_weights(self.trainer, checkpoint.weights)
        self.module.set_state(self.trainer, checkpoint.state)
        self.progress = Progress(
            checkpoint.epoch,
            checkpoint.step,
            checkpoint.losses.tolist(),
            checkpoint.epochs,
            checkpoint.best,
            None,
            [*checkpoint.resumed_at, (checkpoint.epoch, checkpoint.step)],
        )
        if checkpoint.best is not None:
            # The file may be one epoch ahead of the checkpoint, if the run was killed
            # between the two: that epoch will be the best again.
            best = self.folder.read_best()
            self.progress.best, self.progress.best_weights = best
        text = warning(checkpoint.made_with, self.made_with)
        if text is not None:
            self.on_event({"event": "warning", "text": text})

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left, or patience is at an end."""
        return self.progress.epoch >= self.num_epochs or self.has_stopped_early

    @property
    def has_stopped_early(self) -> bool:
        """Whether patience ends the run before its last epoch."""
        progress = self.progress
        if progress.step or progress.epoch >= self.num_epochs:
            return False
        return is_over(progress.best, progress.epoch, self.options.patience)

    def train_epoch(self) -> TimedEpoch:
        """The epoch from the progress's step on; `evaluate` comes after it."""
        epoch, step = self.progress.epoch, self.progress.step
        num_steps = self.feed.num_steps
        is_fit = self.loop.is_fit
        # There the batches are not the service's.
        on_gpu = self.options.device != "cpu"
        monitor = Monitor(
            epoch,
            step,
            self.feed.batch_sizes(num_steps),
            (self.num_epochs - epoch - 1) * num_steps,
            on_event=self.on_event,
            hint=self.folder.hint,
            data_share=None if is_fit or on_gpu else lambda: self.feed.train.time.share,
            save=None if is_fit else self._save_within,
        )
        begin = time.perf_counter()
        pairs = self.feed.train_pairs(epoch, step, self.options.device)
        # A tf.data pipeline is built here, by other loops in the first `next`.
        feeding_s = time.perf_counter() - begin
        timed: TimedEpoch = self.module.train_epoch(
            self.trainer, pairs, num_steps - step, monitor
        )
        self.progress.losses += timed.losses
        return replace(timed, total_s=timed.total_s + feeding_s)

    def end_epoch(self, timed: TimedEpoch) -> NDArray[Any]:
        """Evaluate, keep what is best, make a checkpoint; the test split's logits."""
        progress, epoch = self.progress, self.progress.epoch
        logits = self.logits(self.feed.test)
        accuracy = _accuracy(logits, self.dataset.test.labels)
        loss = held_accuracy = None
        if self.feed.held_out is not None:
            loss, held_accuracy = self._validate(self.feed.held_out)
        record = self._epoch_record(timed, accuracy, loss, held_accuracy)
        progress.epochs.append(record)
        progress.epoch, progress.step = epoch + 1, 0
        self.on_event(
            {
                "event": "epoch",
                "epoch": epoch,
                "total_s": record.total_s,
                "mean_loss": record.mean_loss,
                "test_accuracy": accuracy,
                "validation_loss": loss,
                "validation_accuracy": held_accuracy,
                "is_best": progress.best is not None and progress.best.epoch == epoch,
            }
        )
        self.save()
        return logits

    def save(self) -> None:
        """Make a checkpoint of the progress."""
        self._save(self.progress.epoch, self.progress.step, self.progress.losses)

    def logits(self, batches: Batches) -> NDArray[Any]:
        """Of the current weights, (n, classes).

        Raises `DivergedError`, of the last step done, if they are not finite.
        """
        pairs = self.feed.eval_pairs(batches, self.options.device)
        logits: NDArray[Any] = self.module.predict(self.trainer, pairs)
        if self.sum_over_ranks is not None:
            places = self.feed.eval_places(batches)
            count = batches.plan.epoch_size
            logits = put_together(self.sum_over_ranks, logits, places, count)
        if not np.isfinite(logits).all():
            last = max(len(self.progress.losses), 1) - 1
            epoch, step = divmod(last, self.feed.num_steps)
            what = "what the model says after"
            raise DivergedError(what, epoch, step, self.folder.hint())
        return logits

    def _validate(self, held_out: Batches) -> tuple[float, float]:
        progress = self.progress
        logits = self.logits(held_out)
        labels = held_out.split.labels[np.concatenate(list(held_out.plan.steps(0)))]
        loss = mean_cross_entropy(logits, labels)
        best = better(progress.best, progress.epoch, loss)
        if best != progress.best:
            progress.best = best
            progress.best_weights = self.module.get_weights(self.trainer)
            self.folder.save_best(progress.best_weights, best)
        return loss, _accuracy(logits, labels)

    def _save_within(self, step: int, losses: list[float]) -> None:
        waited = time.monotonic() - self.folder.last_s
        if waited < self.options.checkpoint_s or step == self.feed.num_steps:
            return
        self._save(self.progress.epoch, step, self.progress.losses + losses)

    def _save(self, epoch: int, step: int, losses: list[float]) -> None:
        if self.options.checkpoint_folder is None:
            return
        progress = self.progress
        event = self.folder.save(
            Checkpoint(
                facts=self.facts,
                weights=self.module.get_weights(self.trainer),
                state=self.module.get_state(self.trainer),
                epoch=epoch,
                step=step,
                batches=self.feed.state(epoch, step),
                losses=np.array(losses, np.float64),
                epochs=progress.epochs,
                best=progress.best,
                resumed_at=progress.resumed_at,
                made_with=self.made_with,
            )
        )
        if event is not None:
            self.on_event(event)

    def _epoch_record(
        self,
        timed: TimedEpoch,
        accuracy: float,
        validation_loss: float | None,
        validation_accuracy: float | None,
    ) -> EpochRecord:
        num_steps = self.feed.num_steps
        losses = self.progress.losses[self.progress.epoch * num_steps :]
        return EpochRecord(
            total_s=timed.total_s,
            data_s=timed.data_s,
            compute_s=timed.compute_s,
            loop_s=timed.total_s - (timed.data_s or 0.0) - timed.compute_s,
            timed_steps=len(timed.losses),
            mean_loss=float(
                np.average(losses, weights=self.feed.batch_sizes(num_steps))
            ),
            test_accuracy=accuracy,
            validation_loss=validation_loss,
            validation_accuracy=validation_accuracy,
        )


def _fitted(options: RunOptions, dataset: Dataset) -> Recipe:
    """The recipe for the data, with the run's own numbers."""
    recipe = fit_recipe(
        options.recipe, dataset.train.images.shape[1:], len(dataset.classes)
    )
    return replace(
        recipe,
        epochs=options.epochs or recipe.epochs,
        batch_size=options.batch_size or recipe.batch_size,
    )


def _job(
    options: RunOptions, recipe: Recipe, loop: Loop, num_steps: int, feed: Feed
) -> Job:
    ranks = None
    if options.launch is not None:
        ranks = Ranks(
            options.launch.rank,
            options.launch.num_ranks,
            options.launch.local_rank,
            recipe.batch_size,
            feed.plan.epoch_size,
            options.timeout_s,
            options.launch.leader,
        )
    return Job(
        recipe,
        loop.form,
        num_steps,
        seed=options.seed,
        num_threads=options.num_threads,
        precision=options.precision,
        device=options.device,
        ranks=ranks,
    )


def _facts(options: RunOptions, recipe: Recipe, dataset: Dataset) -> RunFacts:
    return RunFacts(
        recipe,
        options.loop,
        options.seed,
        options.precision,
        options.validation,
        dataset.digest,
    )


def _accuracy(logits: NDArray[Any], labels: NDArray[np.integer]) -> float:
    return float((logits.argmax(axis=1) == labels).mean())
