"""The recipes' optimisers by TensorFlow's fused training operations, one a weight.

Their formulas are those of `trainers.optimizers`. Keras's optimisers compute the same
in ten operations a weight.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from trainers.loops.arrays import slot_names
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop

Tensor = Any


class Updates:
    """What an optimiser keeps of `variables`, and how it changes them.

    `slots`: variables by "<weight name>/<slot>" (`slot_names`), all 0 at first.
    `unused`: by weight name, what is written and of no use; no part of a state, but it
    must be finite when a run begins, so `reset` comes before any.
    """

    def __init__(self, numbers: Optimizer, variables: Mapping[str, Any]) -> None:
        self.numbers = numbers
        self.variables = variables
        self.slots = {
            f"{name}/{slot}": _zeros(variable)
            for name, variable in variables.items()
            for slot in slot_names(numbers)
        }
        # RMSprop's operation takes 0 times it, which is NaN once it is not finite.
        self.unused = (
            {name: _zeros(variable) for name, variable in variables.items()}
            if isinstance(numbers, RMSprop)
            else {}
        )

    def reset(self) -> None:
        """Make all that is kept 0 again."""
        for kept in (*self.slots.values(), *self.unused.values()):
            kept.assign(tf.zeros_like(kept))

    def apply(self, gradients: Sequence[Tensor], rate: Tensor, step: Tensor) -> None:
        """One update of all variables, in their order; `step`, int64, counts from 0."""
        pairs = zip(self.variables, gradients, strict=True)
        match self.numbers:
            case SGD() as numbers:
                for name, gradient in pairs:
                    self._sgd(numbers, name, gradient, rate)
            case RMSprop() as numbers:
                for name, gradient in pairs:
                    self._rmsprop(numbers, name, gradient, rate)
            case Adam() | AdamW() as numbers:
                self._adam(numbers, list(pairs), rate, step)

    def _sgd(self, numbers: SGD, name: str, gradient: Tensor, rate: Tensor) -> None:
        handle = self.variables[name].handle
        if not numbers.momentum:
            tf.raw_ops.ResourceApplyGradientDescent(
                var=handle, alpha=rate, delta=gradient
            )
            return
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=handle,
            accum=self.slots[f"{name}/momentum"].handle,
            lr=rate,
            grad=gradient,
            momentum=tf.constant(numbers.momentum, rate.dtype),
            use_nesterov=numbers.nesterov,
        )

    def _rmsprop(
        self, numbers: RMSprop, name: str, gradient: Tensor, rate: Tensor
    ) -> None:
        tf.raw_ops.ResourceApplyRMSProp(
            var=self.variables[name].handle,
            ms=self.slots[f"{name}/velocity"].handle,
            mom=self.unused[name].handle,
            lr=rate,
            rho=tf.constant(numbers.rho, rate.dtype),
            momentum=tf.constant(0, rate.dtype),
            epsilon=tf.constant(numbers.epsilon, rate.dtype),
            grad=gradient,
        )

    def _adam(
        self,
        numbers: Adam | AdamW,
        pairs: list[tuple[str, Tensor]],
        rate: Tensor,
        step: Tensor,
    ) -> None:
        beta1, beta2, epsilon = (
            tf.constant(number, rate.dtype)
            for number in (numbers.beta1, numbers.beta2, numbers.epsilon)
        )
        count = tf.cast(step + 1, rate.dtype)
        power1, power2 = tf.pow(beta1, count), tf.pow(beta2, count)
        if isinstance(numbers, AdamW):
            decay = rate * tf.constant(numbers.weight_decay, rate.dtype)
            for variable in self.variables.values():
                variable.assign_sub(decay * variable, read_value=False)
        for name, gradient in pairs:
            tf.raw_ops.ResourceApplyAdam(
                var=self.variables[name].handle,
                m=self.slots[f"{name}/momentum"].handle,
                v=self.slots[f"{name}/velocity"].handle,
                beta1_power=power1,
                beta2_power=power2,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )


def _zeros(variable: Any) -> Any:
    return tf.Variable(tf.zeros_like(variable), trainable=False)
