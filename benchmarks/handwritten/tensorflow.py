"""TensorFlow by hand: its own operations, a gradient tape, fused updates of variables.

The step is a graph ("function"), one compiled by XLA ("xla"), traced once for each
batch size, or plain Python ("eager"). No Keras: `keras_tape` has that. With the model
in `tf.raw_ops` too, a step of small models in plain Python would take a fifth less.
"""

import math
from collections.abc import Sequence
from itertools import cycle, islice, pairwise
from typing import Any

import tensorflow as tf

Pairs = Sequence[tuple[Any, Any]]

UNITS = {
    "mlp-3x100": (784, 100, 100, 100, 10),
    "mlp-512": (784, 512, 512, 10),
    "mlp-128x2": (784, 128, 128, 10),
    "mlp-dropout": (784, 128, 10),
    "mlp-dropout-native": (784, 128, 10),
    "cnn-5x5": (512, 500, 10),
}
RATES = {"mlp-3x100": (1e-3, 0.0), "cnn-5x5": (2e-3, 0.0)}


def wake(form: str) -> None:
    """Start what traces and compiles."""
    if form != "eager":
        tf.function(tf.sin, jit_compile=form == "xla")(tf.ones(2))


class TensorFlow:
    """A `Handwritten`."""

    def __init__(self, recipe: str, form: str, pairs: Pairs, num_steps: int) -> None:
        self.recipe, self.form = recipe, form
        self.pairs = pairs
        self.num_steps = num_steps
        self.weights = [tf.Variable(value) for value in initial_of(recipe)]
        self.initial = [weight.numpy() for weight in self.weights]
        self.num_parameters = sum(value.size for value in self.initial)
        self.means, self.squares = (
            [tf.Variable(tf.zeros_like(w), trainable=False) for w in self.weights]
            for _ in range(2)
        )
        # Steps so far: a variable of the graph's own, a number for plain Python.
        self.count: Any = 0.0
        if form != "eager":
            self.count = tf.Variable(0.0, trainable=False)
        self.constants = [tf.constant(x) for x in (0.0, 0.9, 0.999, 1e-7)]
        self.traced = tf.function(self.step, autograph=False, jit_compile=form == "xla")
        self.concrete: dict[int, Any] = {}

    def reset(self) -> None:
        """Initial weights, fresh optimiser."""
        for weight, value in zip(self.weights, self.initial, strict=True):
            weight.assign(value)
        for slot in (*self.means, *self.squares):
            slot.assign(tf.zeros_like(slot))
        if self.form == "eager":
            self.count = 0.0
        else:
            self.count.assign(0.0)

    def train(self, num_steps: int) -> list[float]:
        """The loss of each step."""
        step = self.step if self.form == "eager" else self.run_graph
        losses = [
            step(images, labels)
            for images, labels in islice(cycle(self.pairs), num_steps)
        ]
        values: list[float] = tf.stack(losses).numpy().tolist()
        return values

    def run_graph(self, images: Any, labels: Any) -> Any:
        """`step` by its graph; a `tf.function` would look at its arguments each time."""
        size = len(labels)
        graph = self.concrete.get(size)
        if graph is None:
            graph = self.traced.get_concrete_function(images, labels)
            self.concrete[size] = graph
        return graph(images, labels)

    def step(self, images: Any, labels: Any) -> Any:
        """One update; the batch's mean loss."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(self.weights)
            logits = logits_of(self.recipe, self.weights, images)
            if labels.dtype == tf.float32:
                each = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
            else:
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(each)
        gradients = tape.gradient(loss, self.weights)
        if self.form == "eager":
            self.count += 1
            count = self.count
        else:
            count = self.count.assign_add(1.0)
        first, last = RATES.get(self.recipe, (1e-3, 1e-3))
        rate = tf.constant(first)
        if last != first:
            rate = tf.convert_to_tensor(
                first + (last - first) * (count - 1) / self.num_steps
            )
        if self.recipe == "mlp-512":
            self.rmsprop(gradients, rate)
        else:
            self.adam(gradients, rate, count)
        return loss

    def adam(self, gradients: Any, rate: Any, count: Any) -> None:
        """One operation a weight."""
        _, beta1, beta2, epsilon = self.constants
        # Once a step, not once a weight.
        power1 = tf.convert_to_tensor(0.9**count)
        power2 = tf.convert_to_tensor(0.999**count)
        for weight, mean, square, gradient in zip(
            self.weights, self.means, self.squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=power1,
                beta2_power=power2,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )

    def rmsprop(self, gradients: Any, rate: Any) -> None:
        """One operation a weight; its momentum is unused."""
        zero, rho, _, epsilon = self.constants
        for weight, mean, square, gradient in zip(
            self.weights, self.means, self.squares, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyRMSProp(
                var=weight.handle,
                ms=square.handle,
                mom=mean.handle,
                lr=rate,
                rho=rho,
                momentum=zero,
                epsilon=epsilon,
                grad=gradient,
            )


build = TensorFlow


def initial_of(recipe: str) -> list[Any]:
    """Kernel and bias of each layer in turn; convolutions come first."""
    shapes: list[tuple[int, ...]] = list(pairwise(UNITS[recipe]))
    if recipe == "cnn-5x5":
        shapes = [(5, 5, 1, 16), (5, 5, 16, 32), *shapes]
    values = []
    for shape in shapes:
        limit = math.sqrt(6 / (math.prod(shape[:-2]) * sum(shape[-2:])))
        values += [tf.random.uniform(shape, -limit, limit), tf.zeros(shape[-1])]
    return values


def logits_of(recipe: str, weights: Sequence[Any], images: Any) -> Any:
    """(m, 10) of images (m, 28, 28)."""
    x = images
    if recipe == "cnn-5x5":
        x = tf.expand_dims(x, -1)
        for kernel, bias in zip(weights[:4:2], weights[1:4:2], strict=True):
            # bias_add, which graphs fuse with the product before it.
            x = tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "VALID"), bias)
            x = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID")
        weights = weights[4:]
    x = tf.reshape(x, (-1, UNITS[recipe][0]))
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = tf.nn.relu(tf.nn.bias_add(tf.linalg.matmul(x, kernel), bias))
    if recipe.startswith("mlp-dropout"):
        x = tf.nn.dropout(x, 0.2)
    kernel, bias = weights[-2:]
    return tf.nn.bias_add(tf.linalg.matmul(x, kernel), bias)
