"""Recipes in TensorFlow: a Keras model under a `tf.function`.

Same functions in the same order as `torch_loop`.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from trainers.recipes import Adam, Conv, Dense, Flatten, MaxPool, Optimizer, Recipe
from trainers.weights import Weights

FRAMEWORK = "TensorFlow"
LOOP_FORM = "tf.function"

Tensor = Any


def configure(num_threads: int) -> dict[str, Any]:
    """Set threads and arithmetic flags of this process; returns them for the record."""
    tf.config.set_visible_devices([], "GPU")
    tf.config.threading.set_intra_op_parallelism_threads(num_threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return {
        "version": tf.__version__,
        "keras": keras.__version__,
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "flush_denormal": float(tf.constant(2e-38) * 0.25) == 0,
        "tensor_float_32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "memory_format": "channels_last",
        "optimizer": "keras",
        "device": "cpu",
    }


class Trainer:
    """One model with its optimiser and compiled steps, for `num_steps` steps."""

    def __init__(self, recipe: Recipe, model: keras.Model, num_steps: int) -> None:
        self.recipe = recipe
        self.model = model
        self.optimizer = _optimizer(recipe.optimizer)
        self.optimizer.build(model.trainable_variables)
        self.fresh_state = [v.numpy() for v in self.optimizer.variables]
        self.learning_rates = tf.constant(recipe.learning_rates(num_steps))
        self.compiled_step = tf.function(self._step)
        self.compiled_logits = tf.function(lambda images: model(images, training=False))

    def _step(self, images: Tensor, labels: Tensor) -> Tensor:
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(images, training=True)
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        step = self.optimizer.iterations
        self.optimizer.learning_rate.assign(tf.gather(self.learning_rates, step))
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss


def build(recipe: Recipe, num_steps: int) -> Trainer:
    """The recipe's model, weights not yet set, to be trained for `num_steps` steps."""
    layers = [
        keras.layers.Input(recipe.image_shape),
        keras.layers.Reshape((*recipe.image_shape, 1)),
    ]
    for layer in recipe.layers:
        match layer:
            case Dense(units, activation):
                layers.append(keras.layers.Dense(units, activation))
            case Conv(filters, size, activation):
                layers.append(keras.layers.Conv2D(filters, size, activation=activation))
            case MaxPool(size):
                layers.append(keras.layers.MaxPooling2D(size))
            case Flatten():
                layers.append(keras.layers.Flatten())
    return Trainer(recipe, keras.Sequential(layers), num_steps)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout and forget the optimiser's state."""
    trainer.model.set_weights(
        [weights[name] for name in trainer.recipe.weight_shapes()]
    )
    for variable, value in zip(
        trainer.optimizer.variables, trainer.fresh_state, strict=True
    ):
        variable.assign(value)


def train_step(trainer: Trainer, images: Tensor, labels: Tensor) -> Tensor:
    """One update from images (m, h, w) and labels (m,); the batch's mean loss."""
    return trainer.compiled_step(images, labels)


def to_floats(losses: list[Tensor]) -> list[float]:
    """The values of losses kept during an epoch."""
    return [float(loss) for loss in tf.stack(losses).numpy()]


def predict(
    trainer: Trainer, pairs: Iterable[tuple[Tensor, Tensor]]
) -> NDArray[np.float32]:
    """Logits (n, classes) of all images, in order."""
    return np.concatenate(
        [trainer.compiled_logits(images).numpy() for images, _ in pairs]
    )


def _optimizer(recipe: Optimizer) -> keras.optimizers.Optimizer:
    if isinstance(recipe, Adam):
        return keras.optimizers.Adam(
            recipe.learning_rate,
            beta_1=recipe.beta1,
            beta_2=recipe.beta2,
            epsilon=recipe.epsilon,
        )
    return keras.optimizers.SGD(
        recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0
    )
