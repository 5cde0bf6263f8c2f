"""Recipes in PyTorch, eager. Same functions in the same order as `tf_loop`."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from trainers.recipes import Adam, Conv, Dense, Flatten, MaxPool, Optimizer, Recipe
from trainers.weights import Weights

FRAMEWORK = "PyTorch"
LOOP_FORM = "eager"

Tensor = torch.Tensor


def configure(num_threads: int) -> dict[str, Any]:
    """Set threads and arithmetic flags of this process; returns them for the record."""
    torch.set_num_threads(num_threads)
    # TensorFlow's threads do so by default; denormals cost a factor of 10 and more.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest")
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "flush_denormal": float(torch.tensor(2e-38) * 0.25) == 0,
        "float32_matmul": torch.get_float32_matmul_precision(),
        "memory_format": "channels_last",
        "optimizer": "fused",
        "device": "cpu",
    }


class Trainer:
    """One model with its optimiser, for `num_steps` steps."""

    def __init__(self, recipe: Recipe, model: nn.Sequential, num_steps: int) -> None:
        self.recipe = recipe
        self.model = model
        self.optimizer = _optimizer(recipe.optimizer, model)
        self.learning_rates = recipe.learning_rates(num_steps).tolist()
        self.step = 0


def build(recipe: Recipe, num_steps: int) -> Trainer:
    """The recipe's model, weights not yet set, to be trained for `num_steps` steps."""
    modules: list[nn.Module] = []
    for layer, shape in zip(recipe.layers, recipe.shapes(), strict=False):
        match layer:
            case Dense(units):
                modules.append(nn.Linear(shape[0], units))
            case Conv(filters, size):
                modules.append(nn.Conv2d(shape[2], filters, size))
            case MaxPool(size):
                modules.append(nn.MaxPool2d(size))
            case Flatten():
                modules.append(nn.Flatten())
        if isinstance(layer, Dense | Conv) and layer.activation == "relu":
            modules.append(nn.ReLU())
    model = nn.Sequential(*modules).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Trainer(recipe, model, num_steps)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout and forget the optimiser's state."""
    recipe = trainer.recipe
    modules = [m for m in trainer.model if isinstance(m, nn.Linear | nn.Conv2d)]
    indices = [i for i, x in enumerate(recipe.layers) if isinstance(x, Dense | Conv)]
    with torch.no_grad():
        for module, index in zip(modules, indices, strict=True):
            kernel = weights[f"{index}.kernel"]
            if isinstance(module, nn.Conv2d):
                kernel = kernel.transpose(3, 2, 0, 1)
            else:
                kernel = _channels_first(recipe, index, kernel).T
            weight, bias = module.parameters()
            weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
            bias.copy_(torch.from_numpy(weights[f"{index}.bias"]))
    trainer.optimizer = _optimizer(recipe.optimizer, trainer.model)
    trainer.step = 0


def train_step(trainer: Trainer, images: Tensor, labels: Tensor) -> Tensor:
    """One update from images (m, h, w) and labels (m,); the batch's mean loss."""
    trainer.optimizer.zero_grad()
    loss = functional.cross_entropy(trainer.model(images.unsqueeze(1)), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    _set_step(trainer)
    trainer.optimizer.step()
    return loss.detach()


def to_floats(losses: list[Tensor]) -> list[float]:
    """The values of losses kept during an epoch."""
    return torch.stack(losses).tolist()


def predict(
    trainer: Trainer, pairs: Iterable[tuple[Tensor, Tensor]]
) -> NDArray[np.float32]:
    """Logits (n, classes) of all images, in order."""
    trainer.model.eval()
    with torch.inference_mode():
        logits = [trainer.model(images.unsqueeze(1)).numpy() for images, _ in pairs]
    trainer.model.train()
    return np.concatenate(logits)


def _channels_first(
    recipe: Recipe, index: int, kernel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Reorder the input axis of the dense kernel right behind a Flatten.

    The neutral order of flattened pixels is height, width, channel; PyTorch's is
    channel, height, width.
    """
    if index == 0 or not isinstance(recipe.layers[index - 1], Flatten):
        return kernel
    height, width, channels = recipe.shapes()[index - 1]
    by_place = kernel.reshape(height, width, channels, -1)
    return by_place.transpose(2, 0, 1, 3).reshape(kernel.shape)


def _optimizer(recipe: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    if isinstance(recipe, Adam):
        return torch.optim.Adam(
            model.parameters(),
            lr=recipe.learning_rate,
            betas=(recipe.beta1, recipe.beta2),
            eps=recipe.epsilon,
            fused=True,
        )
    return torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        fused=True,
    )


def _set_step(trainer: Trainer) -> None:
    """Set the step's learning rate, and turn Adam into "epsilon hat" Adam.

    PyTorch adds its eps to sqrt(v / (1 - beta2^t)), the recipe's formula to
    sqrt(v): the two are the same for eps = epsilon / sqrt(1 - beta2^t).
    """
    group = trainer.optimizer.param_groups[0]
    group["lr"] = trainer.learning_rates[trainer.step]
    trainer.step += 1
    recipe = trainer.recipe.optimizer
    if isinstance(recipe, Adam):
        group["eps"] = recipe.epsilon / math.sqrt(1 - recipe.beta2**trainer.step)
