"""What `keras_loop` does by PyTorch; the same names as in `keras_on_tensorflow`."""

from collections.abc import Callable
from typing import Any

import keras
import torch

from trainers.loops import torch_loop
from trainers.loops.job import Job
from trainers.loops.keras_fit import Gradients, timed_feed, train_on_batch

feed = timed_feed
train_step = train_on_batch

_placement: Any = None


def configure(job: Job) -> dict[str, Any]:
    """Threads, precision and device, as for PyTorch's own loops.

    The device is also Keras's, for this thread and until the next call.
    """
    global _placement
    flags = torch_loop.configure(job)
    if _placement is not None:
        _placement.__exit__(None, None, None)
    # Keras's own choice is a GPU wherever there is one.
    _placement = keras.device(job.device)
    _placement.__enter__()
    return dict(flags)


def jit_compile(job: Job) -> bool:
    """What "auto" means: no torch.compile."""
    return False


def to_floats(losses: list[Any]) -> list[float]:
    """The values of scalar tensors."""
    values: list[float] = torch.stack(losses).tolist()
    return values


def gradients(model: Any) -> Gradients:
    """(inputs, labels) -> the loss and its gradients by `model.trainable_variables`."""

    def compute(inputs: Any, labels: Any) -> tuple[Any, list[Any]]:
        loss = model.compute_loss(y=labels, y_pred=model(inputs, training=True))
        variables = [variable.value for variable in model.trainable_variables]
        return loss.detach(), list(torch.autograd.grad(loss, variables))

    return compute


def forward(model: Any) -> Callable[[Any], Any]:
    """images -> logits, in evaluation."""

    @torch.no_grad()
    def compute(images: Any) -> Any:
        return model(images, training=False)

    return compute
