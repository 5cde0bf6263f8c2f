"""The recipes' optimisers in PyTorch: its stock fused ones, steered to the formulas.

Every array of an optimiser's state is there from the start, so that it can be set
before the first step; zeros, from which the first step is what PyTorch's own is.
"""

import math
from abc import ABC, abstractmethod

import torch

from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

Tensor = torch.Tensor


class Stepper(ABC):
    """One optimiser over `parameters`, whose `grad` it reads and may overwrite.

    `slots`: name -> one tensor for each parameter, in order, of its shape and layout.
    """

    def __init__(self, parameters: list[Tensor], rates: list[float]) -> None:
        self.parameters = parameters
        self.rates = rates
        self.slots: dict[str, list[Tensor]] = {}

    @abstractmethod
    def step(self, number: int) -> None:
        """The update of step `number`, from 0, by the gradients in `grad`."""

    def restore(self, number: int) -> None:
        """Make the next step `number`; `slots` are set by writing into them."""

    def rate(self, number: int) -> float:
        """The learning rate of step `number`; past the end the last one."""
        return self.rates[min(number, len(self.rates) - 1)]

    def _add_slot(self, name: str) -> list[Tensor]:
        self.slots[name] = [torch.zeros_like(tensor) for tensor in self.parameters]
        return self.slots[name]


class _Adam(Stepper):
    """Stock Adam or AdamW as "epsilon hat" Adam.

    PyTorch adds its eps to sqrt(v / (1 - beta2^t)), the recipe's formula to sqrt(v):
    the two are the same for eps = epsilon / sqrt(1 - beta2^t).
    """

    def __init__(
        self, recipe: Adam | AdamW, parameters: list[Tensor], rates: list[float]
    ) -> None:
        super().__init__(parameters, rates)
        self._recipe = recipe
        kind = torch.optim.AdamW if isinstance(recipe, AdamW) else torch.optim.Adam
        self._optimizer = kind(
            parameters,
            betas=(recipe.beta1, recipe.beta2),
            weight_decay=recipe.weight_decay if isinstance(recipe, AdamW) else 0,
            fused=True,
        )
        self._group = self._optimizer.param_groups[0]
        slots = zip(parameters, self._add_slot("exp_avg"), self._add_slot("exp_avg_sq"))
        for parameter, first, second in slots:
            # PyTorch counts in float32 on the parameter's device.
            step = torch.zeros((), dtype=torch.float32, device=parameter.device)
            self._optimizer.state[parameter] = {
                "step": step,
                "exp_avg": first,
                "exp_avg_sq": second,
            }

    def step(self, number: int) -> None:
        recipe = self._recipe
        self._group["lr"] = self.rate(number)
        done = 1 - recipe.beta2 ** (number + 1)
        self._group["eps"] = recipe.epsilon / math.sqrt(done)
        self._optimizer.step()

    def restore(self, number: int) -> None:
        for state in self._optimizer.state.values():
            state["step"].fill_(number)


class _SGD(Stepper):
    """Stock SGD, whose buffer b is v / -lr of the recipe's formula.

    That is the formula while lr stays. Where it changes, gradients are multiplied by
    it beforehand, so that b is -v, and PyTorch's own rate is 1.
    """

    def __init__(
        self, recipe: SGD, parameters: list[Tensor], rates: list[float]
    ) -> None:
        super().__init__(parameters, rates)
        is_steady = len(set(rates)) < 2
        self._scales_gradients = recipe.momentum > 0 and not is_steady
        self._optimizer = torch.optim.SGD(
            parameters,
            lr=1.0,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov and recipe.momentum > 0,
            fused=True,
        )
        self._group = self._optimizer.param_groups[0]
        if recipe.momentum > 0:
            for parameter, buffer in zip(parameters, self._add_slot("momentum_buffer")):
                self._optimizer.state[parameter] = {"momentum_buffer": buffer}

    def step(self, number: int) -> None:
        rate = self.rate(number)
        if self._scales_gradients:
            gradients = [x.grad for x in self.parameters if x.grad is not None]
            torch._foreach_mul_(gradients, rate)
        else:
            self._group["lr"] = rate
        self._optimizer.step()


class _RMSprop(Stepper):
    """Written out: no setting of the stock one has epsilon inside the root."""

    def __init__(
        self, recipe: RMSprop, parameters: list[Tensor], rates: list[float]
    ) -> None:
        super().__init__(parameters, rates)
        self._recipe = recipe
        self._squares = self._add_slot("square_avg")

    @torch.no_grad()
    def step(self, number: int) -> None:
        recipe, squares = self._recipe, self._squares
        gradients = [x.grad for x in self.parameters if x.grad is not None]
        torch._foreach_mul_(squares, recipe.rho)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - recipe.rho)
        roots = torch._foreach_add(squares, recipe.epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(self.parameters, gradients, roots, -self.rate(number))


def make_stepper(
    recipe: Optimizer, parameters: list[Tensor], rates: list[float]
) -> Stepper:
    """A fresh optimiser; `rates`: the learning rate of each step, one at least."""
    match recipe:
        case SGD():
            return _SGD(recipe, parameters, rates)
        case RMSprop():
            return _RMSprop(recipe, parameters, rates)
        case _:
            return _Adam(recipe, parameters, rates)


def stepper_kind(recipe: Optimizer) -> str:
    """What runs a step, for the record: PyTorch's fused kernel, or op by op."""
    return "foreach" if isinstance(recipe, RMSprop) else "fused"
