"""Quality from predictions: accuracy, and precision, recall and F1 per class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Metrics:
    """All shares are in [0, 1]; `confusion[t][p]` counts class t predicted as p.

    A class that was never predicted has precision 0, one without examples has
    recall 0. `macro_*` are plain means over the classes that have examples.
    """

    accuracy: float
    precision: list[float]
    recall: list[float]
    f1: list[float]
    macro_precision: float
    macro_recall: float
    macro_f1: float
    confusion: list[list[int]]


def compute_metrics(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], num_classes: int
) -> Metrics:
    """Metrics of predicted classes (n,) against true labels (n,)."""
    cells = labels.astype(np.int64) * num_classes + predicted.astype(np.int64)
    confusion = np.bincount(cells, minlength=num_classes**2)
    confusion = confusion.reshape(num_classes, num_classes)
    hits = confusion.diagonal()
    precision = _share(hits, confusion.sum(axis=0))
    recall = _share(hits, confusion.sum(axis=1))
    f1 = _share(2 * hits, confusion.sum(axis=0) + confusion.sum(axis=1))
    present = confusion.sum(axis=1) > 0
    return Metrics(
        accuracy=float(hits.sum() / len(labels)),
        precision=precision.tolist(),
        recall=recall.tolist(),
        f1=f1.tolist(),
        macro_precision=float(precision[present].mean()),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        confusion=confusion.tolist(),
    )


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
