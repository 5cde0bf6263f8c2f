"""What `keras_loop` gives to Keras's `fit`: a model that logs each step, and callbacks."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from trainers.loops.job import Dtype
from trainers.loops.masks import Masks
from trainers.recipes import Recipe
from trainers.timing import TICK_S, Tick

Gradients = Callable[[Any, Any], tuple[Any, list[Any]]]

_clock = time.perf_counter


class FitModel(keras.Model):  # type: ignore[misc]  # Keras is untyped
    """A model that logs its batch's own mean loss and size.

    Keras itself logs the mean over the epoch so far, in float32, and casts losses to
    its process-wide float type. Both are by-passed by the methods Keras has for that.
    """

    def __init__(self, model: Any, recipe: Recipe, precision: Dtype) -> None:
        super().__init__(inputs=model.input, outputs=model.output)
        kind = (
            keras.losses.CategoricalCrossentropy
            if recipe.has_one_hot_labels
            else keras.losses.SparseCategoricalCrossentropy
        )
        self.cross_entropy = kind(from_logits=True, dtype=precision)
        self.last_loss = _Last("last_loss", precision)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Softmax cross-entropy from logits, mean over the batch."""
        loss = self.cross_entropy(y, y_pred)
        self.last_loss.update_state(loss)
        return loss

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """The step's logs: the batch's mean "loss" and "size", scalar tensors."""
        return {"loss": self.last_loss.result(), "size": keras.ops.shape(y)[0]}


class _Last(keras.metrics.Metric):  # type: ignore[misc]
    """The last value, by way of a variable as JAX wants it."""

    def __init__(self, name: str, precision: Dtype) -> None:
        super().__init__(name=name, dtype=precision)
        self.value = self.add_variable((), "zeros", dtype=precision, name="value")

    def update_state(self, value: Any) -> None:
        self.value.assign(value)

    def result(self) -> Any:
        # A copy, because PyTorch changes the variable in place.
        return keras.ops.copy(self.value)


class RateTable(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The learning rate of each step; past the end, the last one."""

    def __init__(self, rates: NDArray[np.floating[Any]]) -> None:
        self._rates = keras.ops.convert_to_tensor(rates)
        self._last = len(rates) - 1

    def __call__(self, step: Any) -> Any:
        return keras.ops.take(self._rates, keras.ops.minimum(step, self._last))


class StepLog(keras.callbacks.CallbackList):  # type: ignore[misc]
    """All callbacks of one epoch's `fit`: keeps each step's logs, and the clock.

    In Keras's place instead of below it: Keras's own list waits for the number of each
    step's loss, or has another thread wait for it.
    """

    def __init__(
        self,
        model: Any,
        to_floats: Callable[[list[Any]], list[float]],
        tick: Tick | None,
    ) -> None:
        super().__init__(add_history=True, model=model)
        self.data_s = self.compute_s = self.ticking_s = 0.0
        self.knows_data = False
        self.num_steps = 0
        self.losses: list[float] = []
        self.batch_sizes: list[int] = []
        self._unread: list[dict[str, Any]] = []
        self._to_floats = to_floats
        self._tick = tick
        self._next_tick = float("inf") if tick is None else _clock() + TICK_S
        self._begin = 0.0

    def timed(self, pairs: Iterable[Any]) -> Iterator[Any]:
        """`pairs` as a generator that adds the time in `next` to `data_s`."""
        self.knows_data = True
        iterator = iter(pairs)
        while True:
            begin = _clock()
            pair = next(iterator, None)
            passed = _clock() - begin
            self.data_s += passed
            self._begin += passed  # in the train function it is not computing
            if pair is None:
                return
            yield pair
            # Before the next is asked for: its memory can be used again for that.
            del pair

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._begin = _clock()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = _clock()
        self.compute_s += now - self._begin
        self.num_steps += 1
        self._unread.append(logs)
        if now >= self._next_tick and self._tick is not None:
            self.read()
            before = _clock()
            self._tick(self.losses, self.batch_sizes)
            now = _clock()
            self.ticking_s += now - before
            self._next_tick = now + TICK_S

    def read(self) -> None:
        """Wait for the losses so far."""
        if self._unread:
            self.losses += self._to_floats([logs["loss"] for logs in self._unread])
            self.batch_sizes += [int(logs["size"]) for logs in self._unread]
            self._unread.clear()


def joined(masks: Masks, images: Any, step: int) -> Any:
    """What the model takes: images, or (images, *masks)."""
    made = masks.of(step, len(images))
    return (images, *made) if made else images


def joined_pairs(pairs: Iterable[Any], masks: Masks, step: int) -> Iterator[Any]:
    """(what the model takes, labels) of steps from `step` on; a generator, for Keras.

    Keras takes two ahead before the first step. No reference to a pair is kept.
    """
    yield from (
        (joined(masks, images, number), labels)
        for number, (images, labels) in enumerate(pairs, step)
    )


def timed_feed(pairs: Iterable[Any], masks: Masks, step: int, log: StepLog) -> Any:
    """`feed` of the backends where `fit` takes pairs in its own thread."""
    return joined_pairs(log.timed(pairs), masks, step)


def train_on_batch(model: Any, inputs: Any, labels: Any) -> Any:
    """`train_step` of those backends: one step of `fit`; the logs."""
    return model.train_on_batch(inputs, labels, return_dict=True)
