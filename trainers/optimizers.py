"""Optimisers as plain data. g is the gradient, w a weight, lr the step's learning rate.

Every number that a framework would fill in by itself is written out, because that is
where two "same" optimisers differ. lr goes from `learning_rate` at the first step
straight to `final_learning_rate` after the last; None is a constant rate. With `warmup`
it first rises straight from 0 to `learning_rate`, for that share of the steps: with a
`final_learning_rate` of about 0 that is one cycle (Smith, Topin: arXiv:1708.07120).
"""

import math
import struct
from dataclasses import dataclass, fields

from trainers.errors import RecipeError


@dataclass(frozen=True)
class _Optimizer:
    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "nesterov":
                if not isinstance(value, bool):
                    raise self._wrong_type(item.name, "true or false", value)
                continue
            if value is None and item.name == "final_learning_rate":
                continue
            object.__setattr__(self, item.name, self._checked(item.name, value))

    def _checked(self, name: str, value: object) -> float:
        limit = (
            1.0 if name in ("momentum", "rho", "beta1", "beta2", "warmup") else math.inf
        )
        # Keras passes an optimiser's numbers through float32, also when it trains in
        # float64; a recipe holds numbers for which that changes nothing.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong_type(name, "a number", value)
        rounded = _float32(value)
        if not 0 <= rounded < limit:
            raise RecipeError(
                f"{name} of {type(self).__name__} is out of range",
                expected=f"a finite number from 0 to below {limit:g}"
                if limit == 1
                else "a finite number of at least 0",
                found=repr(value),
            )
        return rounded

    def _wrong_type(self, name: str, expected: str, value: object) -> RecipeError:
        return RecipeError(
            f"{name} of {type(self).__name__} has the wrong type",
            expected=expected,
            found=f"{value!r}, a {type(value).__name__}",
        )


def _float32(value: float) -> float:
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", float(value)))
    except OverflowError:
        return math.inf
    return float(rounded)


@dataclass(frozen=True)
class SGD(_Optimizer):
    """v = momentum * v - lr * g; w += v, or with Nesterov w += momentum * v - lr * g."""

    learning_rate: float
    momentum: float = 0.0
    nesterov: bool = False
    final_learning_rate: float | None = None
    warmup: float = 0.0


@dataclass(frozen=True)
class RMSprop(_Optimizer):
    """v = rho * v + (1 - rho) * g^2; w -= lr * g / sqrt(v + epsilon).

    Hinton's (Coursera, lecture 6e, 2012) with epsilon inside the root, as Keras has it.
    """

    learning_rate: float
    rho: float = 0.9
    epsilon: float = 1e-7
    final_learning_rate: float | None = None
    warmup: float = 0.0


@dataclass(frozen=True)
class Adam(_Optimizer):
    """Adam with "epsilon hat" (Kingma, Ba: arXiv:1412.6980, end of section 2).

    m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2;
    w -= lr * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon), t from 1.
    """

    learning_rate: float
    final_learning_rate: float | None = None
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7
    warmup: float = 0.0


@dataclass(frozen=True)
class AdamW(_Optimizer):
    """w -= lr * weight_decay * w, then Adam's step (Loshchilov, Hutter: arXiv:1711.05101).

    All weights decay that training adjusts, biases too, as in both frameworks' stock.
    """

    learning_rate: float
    final_learning_rate: float | None = None
    weight_decay: float = 0.004
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-7
    warmup: float = 0.0


Optimizer = SGD | RMSprop | Adam | AdamW
