"""What `keras_loop` does by JAX; the same names as in `keras_on_torch`."""

from collections.abc import Callable
from typing import Any

import jax

from trainers.loops import jax_loop
from trainers.loops.job import Job
from trainers.loops.keras_fit import Gradients, timed_feed, train_on_batch

feed = timed_feed
train_step = train_on_batch


def configure(job: Job) -> dict[str, Any]:
    """Threads, precision and device, as for JAX's own loop."""
    return jax_loop.configure(job)


def jit_compile(job: Job) -> bool:
    """What "auto" means: jax.jit of the whole step."""
    return True


def to_floats(losses: list[Any]) -> list[float]:
    """The values of scalar arrays."""
    return [float(loss) for loss in jax.device_get(losses)]


def gradients(model: Any) -> Gradients:
    """(inputs, labels) -> the loss and its gradients by `model.trainable_variables`."""

    def loss_of(trained: list[Any], fixed: list[Any], inputs: Any, labels: Any) -> Any:
        logits, _ = model.stateless_call(trained, fixed, inputs, training=True)
        return model.cross_entropy(labels, logits)

    differentiate = jax.jit(jax.value_and_grad(loss_of))

    def compute(inputs: Any, labels: Any) -> tuple[Any, list[Any]]:
        loss, found = differentiate(*_values(model), inputs, labels)
        return loss, found

    return compute


def forward(model: Any) -> Callable[[Any], Any]:
    """images -> logits, in evaluation."""

    @jax.jit
    def compute(trained: list[Any], fixed: list[Any], images: Any) -> Any:
        return model.stateless_call(trained, fixed, images, training=False)[0]

    return lambda images: compute(*_values(model), images)


def _values(model: Any) -> tuple[list[Any], list[Any]]:
    return (
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
    )
