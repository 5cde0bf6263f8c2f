"""A run's data: splits as batches, and batches as a framework's tensors."""

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import (
    Batches,
    BatchFormat,
    Dataset,
    Fold,
    IdxDataError,
    Plan,
    batch_digest,
    indices_digest,
)
from idxdata.errors import PlanError
from trainers.errors import CheckpointError
from trainers.loops import Loop
from trainers.loops.job import Device
from trainers.recipes import Recipe
from trainers.together import Sum, put_together

EVAL_BATCH_SIZE = 1000

_GPU = {"torch": "cuda", "tensorflow": "GPU:0", "jax": None}
"""By adapter, its name of the GPU; JAX was told to use it for everything."""

Pairs = Iterable[tuple[Any, Any]]


class Feed:
    """The batches of a fitted `recipe` on `dataset`, as `loop`'s framework takes them.

    `seed`: of the order and of the part that is held out. `validation`: as in
    `RunOptions`. Process `rank` of `num_ranks` gets its slice of each train batch, and
    of batches to evaluate every `num_ranks`-th. Imports the framework. Raises
    `DatasetError` if a label is not one of the recipe's classes, `PlanError` if the
    split cannot be cut so, and `MissingFrameworkError`.
    """

    def __init__(
        self,
        dataset: Dataset,
        recipe: Recipe,
        loop: Loop,
        seed: int,
        validation: int,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self._loop = loop
        self._rank, self._num_ranks = rank, num_ranks
        self._adapter = _adapter(loop)
        self._residents: dict[int, Any] = {}
        form = _format(recipe)
        num_examples = len(dataset.train)
        parts = [
            Fold(validation, 0, seed=seed, part=part) if validation else None
            for part in ("train", "held_out")
        ]
        plan = Plan(num_examples, recipe.batch_size, seed=seed, subset=parts[0])
        self.plan = plan
        self.train = Batches(
            dataset.train,
            self._own_part(plan),
            format=form,
            augmentation=recipe.augmentation,
        )
        self.test = Batches(
            dataset.test,
            Plan(len(dataset.test), EVAL_BATCH_SIZE, seed=0, order="sequential"),
            format=form,
        )
        held_out = replace(self.test.plan, num_examples=num_examples, subset=parts[1])
        self.held_out = (
            Batches(dataset.train, held_out, format=form) if validation else None
        )

    @property
    def num_steps(self) -> int:
        """Train steps of an epoch."""
        return self.train.num_steps

    def batch_sizes(self, steps: int) -> NDArray[np.int64]:
        """Examples in each of the first `steps` train batches of an epoch, (steps,).

        Of the global batches, as `plan` is that of rank 0 alone.
        """
        plan = self.plan
        sizes = np.full(steps, plan.batch_size)
        rest = plan.epoch_size - plan.batch_size * np.arange(steps)
        smaller: NDArray[np.int64] = np.minimum(sizes, rest)
        return smaller

    def train_pairs(self, epoch: int, start_step: int, device: Device) -> Pairs:
        """One epoch's train batches; of `fit` loops on TensorFlow a `tf.data.Dataset`.

        On a GPU, but for those, they are made there, from a split that stays there.
        """
        if self._loop.is_fit and self._loop.adapter == "tensorflow":
            self.train.restore(self.state(epoch, start_step))
            dataset: Pairs = self._adapter.dataset(self.train, epoch + 1)
            return dataset
        return self._pairs(self.train, epoch, start_step, device)

    def eval_pairs(self, batches: Batches, device: Device) -> Pairs:
        """This process's batches of `test` or `held_out`, in order."""
        if self._num_ranks == 1:
            return self._pairs(batches, 0, 0, device)
        steps = self._eval_steps(batches)
        return (next(iter(self._pairs(batches, 0, step, device))) for step in steps)

    def eval_places(self, batches: Batches) -> NDArray[np.int64]:
        """Which examples those are: their places in the order of `batches`, int64 (m,)."""
        size, count = batches.plan.batch_size, batches.plan.epoch_size
        steps = self._eval_steps(batches)
        places = [np.arange(s * size, min((s + 1) * size, count)) for s in steps]
        return np.concatenate([np.empty(0, np.int64), *places])

    def _eval_steps(self, batches: Batches) -> range:
        return range(self._rank, batches.num_steps, self._num_ranks)

    def _pairs(
        self, batches: Batches, epoch: int, start_step: int, device: Device
    ) -> Pairs:
        if device == "cpu":
            return framework_tensors(self._loop, batches, epoch, start_step, device)
        if id(batches) not in self._residents:
            self._residents[id(batches)] = _resident(self._loop, batches)
        pairs: Pairs = self._residents[id(batches)].tensors(epoch, start_step)
        return pairs

    def state(self, epoch: int, step: int) -> dict[str, int | str]:
        """`Batches.state` before that train step, whatever a framework took ahead."""
        if step == self.num_steps:
            epoch, step = epoch + 1, 0
        return {**self.train.state(), "epoch": epoch, "step": step}

    def check_state(self, state: dict[str, int | str], epoch: int, step: int) -> None:
        """Raises `CheckpointError` if `state` is of other data or another place."""
        try:
            self.train.restore(state)
        except IdxDataError as error:
            raise CheckpointError(f"the checkpoint's batches: {error}") from error
        expected = self.state(epoch, step)
        if state != expected:
            raise CheckpointError(
                "the checkpoint's batches are not where its training is",
                expected=(expected["epoch"], expected["step"]),
                found=(state["epoch"], state["step"]),
            )

    def order_digest(self, num_epochs: int) -> str:
        """SHA-256 of the row numbers of all train batches."""
        plan = self.plan
        return indices_digest(
            indices for epoch in range(num_epochs) for indices in plan.steps(epoch)
        )

    def tensor_digest(
        self, device: Device = "cpu", sum_over_ranks: Sum | None = None
    ) -> str:
        """SHA-256 of epoch 0's `train_pairs`; the batches' position stays.

        Of several processes: of their global batches, put together.
        """
        before = self.train.state()
        pairs = (map(on_host, pair) for pair in self.train_pairs(0, 0, device))
        if sum_over_ranks is None:
            digest = batch_digest((x, y) for x, y in pairs)
        else:
            digest = batch_digest(self._global_batches(pairs, sum_over_ranks))
        self.train.restore(before)
        return digest

    def _global_batches(
        self, pairs: Iterable[Iterable[NDArray[Any]]], sum_over_ranks: Sum
    ) -> Iterator[list[NDArray[Any]]]:
        for count, pair in zip(self.batch_sizes(self.num_steps), pairs, strict=True):
            first = int(count) * self._rank // self._num_ranks
            yield [
                put_together(
                    sum_over_ranks, part, first + np.arange(len(part)), int(count)
                )
                for part in pair
            ]

    def _own_part(self, plan: Plan) -> Plan:
        try:
            return plan.with_rank(self._rank, self._num_ranks)
        except PlanError as error:
            error.hint = (
                f"{self._num_ranks} processes share each batch of {plan.batch_size}, and "
                f"the last of {plan.epoch_size % plan.batch_size or plan.batch_size}: "
                "take another --batch-size, or fewer processes"
            )
            raise


def framework_tensors(
    loop: Loop, batches: Batches, epoch: int, start_step: int, device: Device
) -> Iterator[Any]:
    """One epoch's batches as tensors of the loop's framework, on `device`."""
    tensors = _adapter(loop).tensors
    # TensorFlow and JAX move tensors to the device that they were set to use.
    if loop.adapter == "torch" and device != "cpu":
        tensors = partial(tensors, device=device)
    pairs: Iterator[Any] = tensors(batches, epoch, start_step)
    return pairs


def framework_pairs(loop: Loop, batches: Batches, device: Device) -> Iterable[Any]:
    """Epoch 0 as tensors that lie on `device`, as `Feed.train_pairs` has them."""
    if device == "cpu":
        return framework_tensors(loop, batches, 0, 0, device)
    pairs: Pairs = _resident(loop, batches).tensors(0)
    return pairs


def on_host(tensor: Any) -> NDArray[Any]:
    """The numbers of a framework's tensor, once they are there."""
    # PyTorch alone copies nothing from a device by itself.
    return np.asarray(tensor.cpu() if hasattr(tensor, "cpu") else tensor)


def _resident(loop: Loop, batches: Batches) -> Any:
    return _adapter(loop).resident(batches, _GPU[loop.adapter])


def _adapter(loop: Loop) -> Any:
    return importlib.import_module(f"idxdata.adapters.{loop.adapter}")


def _format(recipe: Recipe) -> BatchFormat:
    if recipe.has_one_hot_labels:
        return BatchFormat(labels="one_hot", num_classes=recipe.num_classes)
    return BatchFormat()
