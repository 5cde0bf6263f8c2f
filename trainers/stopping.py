"""Which epoch's weights are kept, and when training is over. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Best:
    """The epoch, from 0, whose weights had the least validation loss so far."""

    epoch: int
    loss: float


def better(best: Best | None, epoch: int, loss: float) -> Best:
    """`best`, or this epoch if its loss is less; of equal ones the first."""
    if best is None or loss < best.loss:
        return Best(epoch, loss)
    return best


def is_over(best: Best | None, num_epochs: int, patience: int | None) -> bool:
    """Whether `num_epochs` epochs ended, the last `patience` of them without a better."""
    if best is None or patience is None:
        return False
    return num_epochs - 1 - best.epoch >= patience


def mean_cross_entropy(
    logits: NDArray[np.floating], labels: NDArray[np.integer]
) -> float:
    """Mean of -log softmax at the labels, in float64: logits (n, classes), labels (n,)."""
    numbers = logits.astype(np.float64)
    highest = numbers.max(axis=1)
    sums = np.log(np.exp(numbers - highest[:, None]).sum(axis=1))
    at_label = numbers[np.arange(len(labels)), labels.astype(np.int64)]
    return float((sums + highest - at_label).mean())
