"""Differences planted into a loop, each of which the verdict has to find.

The loop is PyTorch's, as it is light to import; the reference and the limits are those
of `make parity`. Of each recipe the loop as it is holds.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from idxdata.dropout import dropout_mask
from tests.parity.compare import Verdict, chaos_floor, curves, judge
from tests.parity.measure import Measured, Setting, measure
from tests.parity.reference_loop import REFERENCE
from trainers.layers import BatchNorm, Conv, Dense, Dropout, Flatten, Layer, MaxPool
from trainers.loops import find_loop, masks, torch_layers, torch_loop, torch_optimizers
from trainers.loops.torch_optimizers import Stepper
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe

SETTING = Setting(num_steps=40, batch_size=16)

LOSS, GRADIENTS, FLOAT64 = "loss", "gradients", "float64_losses"
LOGITS, EXCESS = "float64_logits", "excess"

Patch = pytest.MonkeyPatch


def mlp(optimizer: Optimizer, *more: Layer) -> Recipe:
    layers = (Flatten(), Dense(16, "relu"), *more, Dense(10))
    return Recipe("planted", (28, 28), layers, optimizer, 16, 1)


ADAM = mlp(Adam(1e-3, final_learning_rate=0))
ADAMW = mlp(AdamW(1e-3))
RMSPROP = mlp(RMSprop(1e-3))
NESTEROV = mlp(SGD(0.02, momentum=0.9, nesterov=True))
MOMENTUM = mlp(SGD(0.05, momentum=0.9, final_learning_rate=0))
DROPOUT = mlp(Adam(1e-3), Dropout(0.2))
NORM = mlp(Adam(1e-3), BatchNorm())
CONV = replace(ADAM, layers=(Conv(3, 5, "tanh"), MaxPool(4), Flatten(), Dense(10)))


def measured(recipe: Recipe) -> dict[str, Measured]:
    loop = find_loop("torch-eager")
    return {
        precision: measure(loop, recipe, precision, SETTING)
        for precision in ("float64", "float32")
    }


@functools.cache
def unplanted(recipe: Recipe) -> tuple[Measured, dict[str, Measured]]:
    """The reference, and the loop as it is."""
    return measure(REFERENCE, recipe, "float64", SETTING), measured(recipe)


def verdict_of(recipe: Recipe, found: dict[str, Measured]) -> Verdict:
    """With the chaos of the loop as it is."""
    reference, right = unplanted(recipe)
    floor = chaos_floor([curves(right["float32"])])
    return judge("planted", "torch-eager", reference, found, floor)


def patched_stepper(step: Callable[[Stepper, int], None]) -> Callable[..., Stepper]:
    """For `make_stepper`: an optimiser that is just `step`, with slots v and m."""

    class Planted(Stepper):
        def __init__(self, recipe: Any, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.recipe = recipe
            self._add_slot("v")
            self._add_slot("m")

        @torch.no_grad()
        def step(self, number: int) -> None:
            step(self, number)

    return Planted


def epsilon_outside_the_root(patch: Patch, recipe: Recipe) -> Recipe:
    def step(self: Any, number: int) -> None:
        rho, epsilon = self.recipe.rho, self.recipe.epsilon
        for w, v in zip(self.parameters, self.slots["v"], strict=True):
            v.mul_(rho).addcmul_(w.grad, w.grad, value=1 - rho)
            w -= self.rate(number) * w.grad / (v.sqrt() + epsilon)

    patch.setattr(torch_loop, "make_stepper", patched_stepper(step))
    return recipe


def no_bias_correction(patch: Patch, recipe: Recipe) -> Recipe:
    def step(self: Any, number: int) -> None:
        numbers, slots = self.recipe, self.slots
        for w, v, m in zip(self.parameters, slots["v"], slots["m"], strict=True):
            m.lerp_(w.grad, 1 - numbers.beta1)
            v.lerp_(w.grad**2, 1 - numbers.beta2)
            w -= self.rate(number) * m / (v.sqrt() + numbers.epsilon)

    patch.setattr(torch_loop, "make_stepper", patched_stepper(step))
    return recipe


def epsilon_of_pytorch(patch: Patch, recipe: Recipe) -> Recipe:
    """Adam's epsilon beside the corrected root: the stock optimiser, not steered."""
    patch.setattr(torch_optimizers, "math", SimpleNamespace(sqrt=lambda _: 1.0))
    return recipe


def decay_in_the_gradient(patch: Patch, recipe: Recipe) -> Recipe:
    patch.setattr(torch.optim, "AdamW", torch.optim.Adam)
    return recipe


def velocity_without_the_rate(patch: Patch, recipe: Recipe) -> Recipe:
    """PyTorch's own momentum, where the learning rate changes."""
    never = property(lambda self: False, lambda self, value: None)
    patch.setattr(torch_optimizers._SGD, "_scales_gradients", never, raising=False)
    return recipe


def other_numbers(**numbers: Any) -> Callable[[Patch, Recipe], Recipe]:
    """The loop gets another optimiser than the reference."""

    def plant(patch: Patch, recipe: Recipe) -> Recipe:
        return replace(recipe, optimizer=replace(recipe.optimizer, **numbers))

    return plant


def other_batch_norm(**numbers: Any) -> Callable[[Patch, Recipe], Recipe]:
    def plant(patch: Patch, recipe: Recipe) -> Recipe:
        layers = tuple(
            replace(layer, **numbers) if isinstance(layer, BatchNorm) else layer
            for layer in recipe.layers
        )
        return replace(recipe, layers=layers)

    return plant


def unbiased_variance(patch: Patch, recipe: Recipe) -> Recipe:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training,
            1 - self.momentum,
            self.epsilon,
        )

    patch.setattr(torch_layers.BiasedBatchNorm, "forward", forward)
    return recipe


def channels_first_flatten(patch: Patch, recipe: Recipe) -> Recipe:
    """PyTorch's own order of pixels, and a kernel that is not permuted for it."""
    patch.setattr(torch_layers, "FlattenLast", nn.Flatten)
    return recipe


def patched_loss(
    patch: Patch, loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    patch.setattr(
        torch_loop,
        "_loss_of",
        lambda model: lambda x, labels, masks: loss(model(x, masks), labels),
    )


def sum_over_full_batch_size(patch: Patch, recipe: Recipe) -> Recipe:
    """Another mean for the last batch, which is short."""

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels, reduction="sum") / 16

    patched_loss(patch, loss)
    return recipe


def labels_shifted_by_one(patch: Patch, recipe: Recipe) -> Recipe:
    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, labels.roll(1))

    patched_loss(patch, loss)
    return recipe


def patched_masks(patch: Patch, change: Callable[..., Any]) -> None:
    patch.setattr(masks, "dropout_mask", change)


def masks_not_scaled(patch: Patch, recipe: Recipe) -> Recipe:
    def unscaled(*arguments: Any, **options: Any) -> Any:
        mask = dropout_mask(*arguments, **options)
        return (mask > 0).astype(mask.dtype)

    patched_masks(patch, unscaled)
    return recipe


def masks_of_the_next_step(patch: Patch, recipe: Recipe) -> Recipe:
    def later(*arguments: Any, step: int, **options: Any) -> Any:
        return dropout_mask(*arguments, step=step + 1, **options)

    patched_masks(patch, later)
    return recipe


def coarse_images(patch: Patch, recipe: Recipe) -> Recipe:
    """In float32 only, such as a GPU's short formats are."""
    right = torch_loop.Trainer.loss_of

    def loss_of(self: Any, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.dtype is torch.float32:
            images = images.bfloat16().float()
        return right(self, images, labels)

    patch.setattr(torch_loop.Trainer, "loss_of", loss_of)
    return recipe


@dataclass(frozen=True)
class Plant:
    """`caught_by`: those of the verdict's numbers that are for it."""

    recipe: Recipe
    plant: Callable[[Patch, Recipe], Recipe]
    caught_by: tuple[str, ...]


PLANTS = {
    "rmsprop: epsilon outside the root": Plant(
        RMSPROP, epsilon_outside_the_root, (FLOAT64, LOGITS, EXCESS)
    ),
    "rmsprop: rho 0.99": Plant(
        RMSPROP, other_numbers(rho=0.99), (FLOAT64, LOGITS, EXCESS)
    ),
    "adam: epsilon 1e-8": Plant(
        ADAM, other_numbers(epsilon=1e-8), (FLOAT64, LOGITS, EXCESS)
    ),
    "adam: epsilon beside the corrected root": Plant(
        ADAM, epsilon_of_pytorch, (FLOAT64, LOGITS, EXCESS)
    ),
    "adam: no bias correction": Plant(
        ADAM, no_bias_correction, (FLOAT64, LOGITS, EXCESS)
    ),
    "adam: beta2 0.99": Plant(
        ADAM, other_numbers(beta2=0.99), (FLOAT64, LOGITS, EXCESS)
    ),
    "adamw: decay in the gradient": Plant(
        ADAMW, decay_in_the_gradient, (FLOAT64, LOGITS, EXCESS)
    ),
    "rate stays": Plant(
        ADAM, other_numbers(final_learning_rate=None), (FLOAT64, LOGITS, EXCESS)
    ),
    "sgd: no nesterov": Plant(
        NESTEROV, other_numbers(nesterov=False), (FLOAT64, LOGITS, EXCESS)
    ),
    "sgd: velocity without the rate": Plant(
        MOMENTUM, velocity_without_the_rate, (FLOAT64, LOGITS, EXCESS)
    ),
    "flatten: channels first": Plant(
        CONV, channels_first_flatten, (LOSS, GRADIENTS, FLOAT64, LOGITS, EXCESS)
    ),
    # Of the first batch, which is full, neither loss nor gradients tell.
    "short batch: sum over the full size": Plant(
        ADAM, sum_over_full_batch_size, (FLOAT64, LOGITS, EXCESS)
    ),
    "labels shifted by one": Plant(
        ADAM, labels_shifted_by_one, (LOSS, GRADIENTS, FLOAT64, LOGITS, EXCESS)
    ),
    "dropout: not scaled": Plant(
        DROPOUT, masks_not_scaled, (LOSS, GRADIENTS, FLOAT64, LOGITS, EXCESS)
    ),
    "dropout: masks of the next step": Plant(
        DROPOUT, masks_of_the_next_step, (LOSS, GRADIENTS, FLOAT64, LOGITS, EXCESS)
    ),
    "batch norm: epsilon 1e-5": Plant(
        NORM, other_batch_norm(epsilon=1e-5), (LOSS, GRADIENTS, FLOAT64, LOGITS, EXCESS)
    ),
    # Training never looks at what only evaluation uses.
    "batch norm: unbiased variance": Plant(NORM, unbiased_variance, (LOGITS,)),
    "batch norm: momentum 0.9": Plant(NORM, other_batch_norm(momentum=0.9), (LOGITS,)),
    # What float64 cannot show.
    "images of 8 bits in float32": Plant(
        ADAM, coarse_images, (LOSS, GRADIENTS, EXCESS)
    ),
}


@pytest.mark.parametrize(
    "recipe", dict.fromkeys(plant.recipe for plant in PLANTS.values()), ids=repr
)
def test_unplanted_holds(recipe: Recipe) -> None:
    _, found = unplanted(recipe)
    verdict = verdict_of(recipe, found)
    assert verdict.holds, verdict
    assert verdict.excess is not None


@pytest.mark.parametrize("name", PLANTS)
def test_planted_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant = PLANTS[name]
    unplanted(plant.recipe)
    wrong = plant.plant(monkeypatch, plant.recipe)
    verdict = verdict_of(plant.recipe, measured(wrong))
    assert not verdict.holds
    assert tuple(verdict.exceeded) == plant.caught_by, verdict
