"""PyTorch by hand: `nn.Sequential`, channels_last, fused Adam, foreach RMSprop.

"compile" compiles the model with its loss; backward and optimiser stay outside, since
a compiled Adam has other last digits.
"""

import copy
import os
import tempfile
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

Pairs = Sequence[tuple[torch.Tensor, torch.Tensor]]


def wake(form: str) -> None:
    """Import what `torch.compile` imports at its first use, and make its C++ headers.

    What was compiled before is not found again: the next model is compiled as if it
    were the first.
    """
    if form != "compile":
        return
    from torch._inductor.runtime.cache_dir_utils import cache_dir
    from torch._inductor.utils import clear_caches

    torch.compile(torch.sin)(torch.ones(2))
    headers = Path(cache_dir(), "precompiled_headers")
    folder = tempfile.mkdtemp()
    if headers.is_dir():
        Path(folder, headers.name).symlink_to(headers.resolve())
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
    clear_caches()


class Torch:
    """A `Handwritten`."""

    def __init__(self, recipe: str, form: str, pairs: Pairs, num_steps: int) -> None:
        self.recipe = recipe
        self.pairs = pairs
        self.num_steps = num_steps
        model = model_of(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model = model
        self.num_parameters = sum(p.numel() for p in model.parameters())
        self.initial = copy.deepcopy(model.state_dict())

        def loss_of(images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(model(images.unsqueeze(1)), labels)

        self.loss_of: Any = torch.compile(loss_of) if form == "compile" else loss_of
        self.reset()

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        self.model.load_state_dict(self.initial)
        self.optimizer, self.rate_falls = optimizer_of(self.recipe, self.model)
        self.step = 0

    def train(self, num_steps: int) -> list[float]:
        """The loss of each step."""
        optimizer, loss_of = self.optimizer, self.loss_of
        group = optimizer.param_groups[0]
        rate = optimizer.defaults["lr"]
        losses = []
        for images, labels in islice(cycle(self.pairs), num_steps):
            if self.rate_falls:
                # As LinearLR has it, which takes longer to say so.
                group["lr"] = rate * (1 - self.step / self.num_steps)
            self.step += 1
            loss = loss_of(images, labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.detach())
        values: list[float] = torch.stack(losses).tolist()
        return values


build = Torch


def model_of(recipe: str) -> nn.Sequential:
    """The model that makes logits of images (m, 1, 28, 28)."""
    match recipe:
        case "mlp-3x100":
            return nn.Sequential(
                nn.Flatten(),
                nn.Linear(784, 100),
                nn.ReLU(),
                nn.Linear(100, 100),
                nn.ReLU(),
                nn.Linear(100, 100),
                nn.ReLU(),
                nn.Linear(100, 10),
            )
        case "cnn-5x5":
            return nn.Sequential(
                nn.Conv2d(1, 16, 5),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(16, 32, 5),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Flatten(),
                nn.Linear(512, 500),
                nn.ReLU(),
                nn.Linear(500, 10),
            )
        case "mlp-512" | "mlp-128x2":
            units = 512 if recipe == "mlp-512" else 128
            return nn.Sequential(
                nn.Flatten(),
                nn.Linear(784, units),
                nn.ReLU(),
                nn.Linear(units, units),
                nn.ReLU(),
                nn.Linear(units, 10),
            )
        case "mlp-dropout" | "mlp-dropout-native":
            return nn.Sequential(
                nn.Flatten(),
                nn.Linear(784, 128),
                nn.ReLU(),
                nn.Dropout(0.2),
                nn.Linear(128, 10),
            )
    raise KeyError(recipe)


def optimizer_of(recipe: str, model: nn.Module) -> tuple[torch.optim.Optimizer, bool]:
    """The optimiser, and whether its rate falls to 0."""
    if recipe == "mlp-512":
        rmsprop = torch.optim.RMSprop(
            model.parameters(), lr=1e-3, alpha=0.9, foreach=True
        )
        return rmsprop, False
    rate = 2e-3 if recipe == "cnn-5x5" else 1e-3
    adam = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    return adam, recipe in ("mlp-3x100", "cnn-5x5")
