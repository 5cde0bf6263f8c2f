"""Recipes as PyTorch models: the one that trains, and the stock one of files.

The one that trains flattens in the recipe's order (height, width, channel), which is a
view of channels-last memory where `nn.Flatten` copies to (channel, height, width); so
no weight or mask of it needs another order. The stock one is for `torch_files`.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from trainers.layers import (
    Activate,
    Activation,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPool,
    Shape,
    weights_of,
)
from trainers.recipes import Recipe

Tensor = torch.Tensor

ATTRIBUTES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Neutral name of a layer's numbers -> the module's; "bias" is not of `BatchNorm`."""

_ACTIVATIONS: dict[Activation, type[nn.Module] | None] = {
    "linear": None,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": None,
}


class FlattenLast(nn.Module):
    """`layers.Flatten` of (m, c, h, w), in the order h, w, c; (m, n) stays."""

    def forward(self, x: Tensor) -> Tensor:
        """(m, units), a view where memory is channels-last."""
        return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x


class SharedDropout(nn.Module):
    """Times a mask from outside, which the model gives in training only."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """`x * mask`, both of one shape."""
        return x * mask


class BiasedBatchNorm(nn.Module):
    """`layers.BatchNorm` over axis 1, with the names of `nn.BatchNorm2d`.

    PyTorch's own takes the unbiased variance into the running one. A batch with one
    number a channel, which it refuses, has variance 0 here. With `over_ranks` a batch
    is all ranks' parts together.
    """

    running_mean: Tensor
    running_var: Tensor
    over_ranks = False

    def __init__(self, layer: BatchNorm, channels: int, **kind: Any) -> None:
        super().__init__()
        self.momentum = layer.momentum
        self.epsilon = layer.epsilon
        self.weight = nn.Parameter(torch.ones(channels, **kind))
        self.bias = nn.Parameter(torch.zeros(channels, **kind))
        self.register_buffer("running_mean", torch.zeros(channels, **kind))
        self.register_buffer("running_var", torch.ones(channels, **kind))

    def forward(self, x: Tensor) -> Tensor:
        """x (m, c) or (m, c, h, w), normalised; in training moves the running ones."""
        if not self.training:
            return self._normalised(x, self.running_mean, self.running_var)
        if self.over_ranks:
            return self._normalised_over_ranks(x)
        # Zeros, because PyTorch multiplies what was there by 1 - momentum = 0.
        mean, variance = self.weight.new_zeros((2, x.shape[1])).unbind()
        normalised = self._normalised(x, mean, variance)
        count = x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, 1 - self.momentum)
            self.running_var.mul_(self.momentum)
            if count > 1:
                share = (1 - self.momentum) * (count - 1) / count
                self.running_var.add_(variance, alpha=share)
        return normalised

    def _normalised_over_ranks(self, x: Tensor) -> Tensor:
        # Not `nn.SyncBatchNorm`, which works on GPUs only.
        axes = [axis for axis in range(x.dim()) if axis != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        count = x.new_tensor([x.numel() // x.shape[1]])
        sums = _summed(torch.cat([x.sum(axes), count]))
        mean = sums[:-1] / sums[-1]
        centred = x - mean.view(shape)
        variance = _summed((centred * centred).sum(axes)) / sums[-1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, 1 - self.momentum)
            self.running_var.lerp_(variance, 1 - self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        normalised: Tensor = centred * scale.view(shape) + self.bias.view(shape)
        return normalised

    def _normalised(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        # Not `functional.batch_norm`, which refuses a batch of one.
        return torch.batch_norm(
            x,
            self.weight,
            self.bias,
            mean,
            variance,
            self.training,
            1.0,
            self.epsilon,
            torch.backends.cudnn.enabled,
        )


class _SumOverRanks(torch.autograd.Function):
    """Its gradient is that of all ranks' losses together."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _summed(values: Tensor) -> Tensor:
    total: Tensor = _SumOverRanks.apply(values)  # type: ignore[no-untyped-call]
    return total


class Model(nn.Sequential):
    """The model that trains. Modules of layers in order, activations after theirs."""

    def forward(self, images: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """Logits (m, classes) of images (m, h, w); `masks` of training, in order."""
        x = images.unsqueeze(1)
        number = 0
        for module in self._modules.values():
            if not isinstance(module, SharedDropout):
                x = module(x)
            elif self.training:
                x = module(x, masks[number])
                number += 1
        return x


def training_model(recipe: Recipe, **kind: Any) -> tuple[Model, dict[str, Tensor]]:
    """Model, and its parameters and buffers by neutral name, in the recipe's order.

    `kind`: dtype and device. Its weights are PyTorch's initial ones.
    """
    modules: list[nn.Module] = []
    owners = []
    for layer, shape in zip(recipe.layers, recipe.shapes(), strict=False):
        owners.append(len(modules))
        match layer:
            case Flatten():
                modules.append(FlattenLast())
            case Dropout(_, "shared"):
                modules.append(SharedDropout())
            case BatchNorm():
                modules.append(BiasedBatchNorm(layer, shape[-1], **kind))
            case _:
                modules += _stock_modules(layer, shape, kind)
    model = Model(*modules).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    tensors = {
        f"{index}.{name}": getattr(model[owners[index]], ATTRIBUTES[name])
        for index, (layer, shape) in enumerate(
            zip(recipe.layers, recipe.shapes(), strict=False)
        )
        for name in weights_of(layer, shape)
    }
    return model, tensors


def stock_model(recipe: Recipe, **kind: Any) -> tuple[nn.Sequential, list[int]]:
    """PyTorch's own modules alone, for images (m, 1, h, w); and each layer's number.

    `save_model` writes the `state_dict` of this one. A softmax is its last module where
    it is the recipe's; "linear" has no module.
    """
    modules: list[nn.Module] = []
    owners = []
    for layer, shape in zip(recipe.layers, recipe.shapes(), strict=False):
        owners.append(len(modules))
        modules += _stock_modules(layer, shape, kind)
    if recipe.loss != "crossentropy_from_logits":
        modules.append(nn.Softmax(1))
    return nn.Sequential(*modules), owners


def _stock_modules(layer: Layer, shape: Shape, kind: dict[str, Any]) -> list[nn.Module]:
    """PyTorch's modules for a layer whose input has `shape`."""
    match layer:
        case Dense(units, activation):
            return [nn.Linear(shape[0], units, **kind), *_activation(activation)]
        case Conv(filters, size, activation, padding):
            border = size // 2 if padding == "same" else 0
            conv = nn.Conv2d(shape[2], filters, size, padding=border, **kind)
            return [conv, *_activation(activation)]
        case MaxPool(size):
            return [nn.MaxPool2d(size)]
        case AveragePool(size):
            return [nn.AvgPool2d(size)]
        case Flatten():
            return [nn.Flatten()]
        case Dropout(rate):
            return [nn.Dropout(rate)]
        case BatchNorm(momentum, epsilon):
            norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            return [norm(shape[-1], eps=epsilon, momentum=1 - momentum, **kind)]
        case Activate(activation):
            return _activation(activation)


def _activation(name: Activation) -> list[nn.Module]:
    module = _ACTIVATIONS[name]
    return [] if module is None else [module()]
