"""Optimisers in NumPy. g is the gradient, w a weight, lr the step's learning rate.

The formulas are those of the docstrings in `trainers.optimizers`, one line each.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

Array = NDArray[Any]


class Updates:
    """What an optimiser remembers of each weight, and how it uses it."""

    def __init__(self, numbers: Optimizer) -> None:
        self.numbers = numbers
        self.t = 0
        self.v: dict[str, Array] = {}
        self.m: dict[str, Array] = {}

    def apply(
        self, weights: dict[str, Array], gradients: dict[str, Array], lr: float
    ) -> None:
        """Replace the entries of `weights` that have a gradient."""
        self.t += 1
        for name, g in gradients.items():
            self.v.setdefault(name, np.zeros_like(g))
            self.m.setdefault(name, np.zeros_like(g))
            weights[name] = self._updated(name, weights[name], g, lr)

    def _updated(self, name: str, w: Array, g: Array, lr: float) -> Array:
        match self.numbers:
            case SGD() as numbers:
                return self._sgd(numbers, name, w, g, lr)
            case RMSprop() as numbers:
                return self._rmsprop(numbers, name, w, g, lr)
            case Adam() as numbers:
                return self._adam(numbers, name, w, g, lr)
            case AdamW() as numbers:
                decayed = w - lr * numbers.weight_decay * w
                return self._adam(numbers, name, decayed, g, lr)

    def _sgd(self, numbers: SGD, name: str, w: Array, g: Array, lr: float) -> Array:
        self.v[name] = numbers.momentum * self.v[name] - lr * g
        if numbers.nesterov:
            return w + numbers.momentum * self.v[name] - lr * g
        return w + self.v[name]

    def _rmsprop(
        self, numbers: RMSprop, name: str, w: Array, g: Array, lr: float
    ) -> Array:
        rho = numbers.rho
        self.v[name] = rho * self.v[name] + (1 - rho) * g**2
        return w - lr * g / np.sqrt(self.v[name] + numbers.epsilon)

    def _adam(
        self, numbers: Adam | AdamW, name: str, w: Array, g: Array, lr: float
    ) -> Array:
        beta1, beta2, t = numbers.beta1, numbers.beta2, self.t
        self.m[name] = beta1 * self.m[name] + (1 - beta1) * g
        self.v[name] = beta2 * self.v[name] + (1 - beta2) * g**2
        rate = lr * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        return w - rate * self.m[name] / (np.sqrt(self.v[name]) + numbers.epsilon)
