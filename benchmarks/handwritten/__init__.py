"""The recipes as an expert of each framework writes them by hand: what ours is held to.

One file a framework, written plainly with the framework's own pieces and nothing of
`trainers`. Its optimisers with their own epsilons, each framework's own initial
weights, logits and a loss from logits. Dropout is the framework's own, which is what
one writes; so `mlp-dropout`, whose masks come from our generator, is compared with
that, and `mlp-dropout-native` beside it with the same.
`keras_tape` is for information, with what is usually written in TensorFlow.

Each file has

    wake(form)                                 start the framework and its compiler
    build(recipe, form, pairs, num_steps)      a `Handwritten`; `num_steps`: the schedule's

`recipe` is a recipe's name, `form` a `trainers.loops.Loop`'s. `pairs` are the batches in
memory, images float32 (m, 28, 28) and labels as the recipe has them, as tensors: a list,
or for Keras on TensorFlow a tf.data pipeline without end.
"""

from typing import Protocol


class Handwritten(Protocol):
    """A model with its optimiser and its batches."""

    num_parameters: int

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""

    def train(self, num_steps: int) -> list[float]:
        """So many steps from the first batch on, going round; waits for the end.

        Each step's loss, or of the framework's own loop over an epoch their mean.
        """
