"""Quality from predictions, one code for every framework.

What scikit-learn counts it counts; it has no calibration error, that is written here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import MissingFrameworkError
from trainers.errors import MetricsError

NUM_BINS = 15
MAX_MISTAKES = 20
SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from 1 in sum; rounding stays far below."""


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Examples whose predicted class has a probability in (low, high]; means over them.

    `confidence` is that probability, `accuracy` the share that is right; 0 where
    `count` is 0.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong prediction; `probability` is that of the class `predicted`."""

    index: int
    true: int
    predicted: int
    probability: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """All shares are in [0, 1]; `confusion[t][p]` counts class t predicted as p.

    The class predicted is the first of largest probability. A class that was never
    predicted has precision 0, one without examples has recall 0. `macro_*` are plain
    means over the classes that have examples.

    `log_loss`: mean of -ln(probability of the true class), of one below 1.2e-7 as if it
    were that. `brier`: mean over examples of the squared error summed over classes
    (Brier 1950, 0 to 2). `calibration_error`: mean over examples of |accuracy -
    confidence| of the bin they are in (Guo et al., arXiv:1706.04599, equation 3), of
    `NUM_BINS` bins of equal width, `calibration_bins`. `mistakes`: the surest ones
    first, at most `MAX_MISTAKES`; `wrong`: all of them as [index, predicted class], in
    order.
    """

    accuracy: float
    precision: list[float]
    recall: list[float]
    f1: list[float]
    macro_precision: float
    macro_recall: float
    macro_f1: float
    confusion: list[list[int]]
    log_loss: float
    brier: float
    calibration_error: float
    calibration_bins: list[CalibrationBin]
    mistakes: list[Mistake]
    wrong: list[list[int]]


def probabilities(logits: NDArray[Any]) -> NDArray[np.float32]:
    """Softmax over classes: float (n, k) -> a new float32 (n, k).

    Computed in float64 and rounded once, whatever the logits' precision. Raises
    `MetricsError` if they are not of such a shape and dtype, or not all finite.
    """
    _check_matrix("logits", logits)
    shifted = logits.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):  # far below the largest: 0
        shifted -= shifted.max(axis=1, keepdims=True)
        np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    with np.errstate(under="ignore"):
        return shifted.astype(np.float32)


def compute_metrics(
    labels: NDArray[np.integer], probabilities: NDArray[np.float32]
) -> Metrics:
    """Metrics of float32 probabilities (n, k) against integer labels (n,) of 0 to k - 1.

    Raises `MetricsError` if shapes or dtypes are others, there is no example, a label is
    out of range, or a row is not one of probabilities; `MissingFrameworkError` without
    scikit-learn.
    """
    _check_probabilities(probabilities)
    num_classes = probabilities.shape[1]
    _check_labels(labels, *probabilities.shape)
    true: NDArray[np.int64] = labels.astype(np.int64)
    predicted = probabilities.argmax(axis=1)
    sure = probabilities[np.arange(len(true)), predicted].astype(np.float64)
    is_right = predicted == true
    bins = _calibration_bins(sure, is_right)
    one_hot = np.eye(num_classes)[true]
    return Metrics(
        **_counted(true, predicted, num_classes),
        log_loss=_log_loss(true, probabilities),
        brier=float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
        calibration_error=sum(
            item.count / len(true) * abs(item.accuracy - item.confidence)
            for item in bins
        ),
        calibration_bins=bins,
        mistakes=_mistakes(true, predicted, sure),
        wrong=[[int(i), int(predicted[i])] for i in np.flatnonzero(~is_right)],
    )


def _counted(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> dict[str, Any]:
    sklearn = _sklearn_metrics()
    classes = range(num_classes)
    precision, recall, f1, support = sklearn.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    present = support > 0
    return {
        "accuracy": float(sklearn.accuracy_score(labels, predicted)),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "macro_precision": float(precision[present].mean()),
        "macro_recall": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "confusion": _confusion(labels, predicted, num_classes),
    }


def _confusion(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> list[list[int]]:
    if num_classes == 1:  # scikit-learn warns of that
        return [[len(labels)]]
    counts: list[list[int]] = (
        _sklearn_metrics()
        .confusion_matrix(labels, predicted, labels=range(num_classes))
        .tolist()
    )
    return counts


def _log_loss(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    num_classes = probabilities.shape[1]
    if num_classes == 1:  # scikit-learn wants two
        return 0.0
    loss = _sklearn_metrics().log_loss(labels, probabilities, labels=range(num_classes))
    return float(loss)


def _calibration_bins(
    sure: NDArray[np.float64], is_right: NDArray[np.bool_]
) -> list[CalibrationBin]:
    edges = np.arange(NUM_BINS + 1) / NUM_BINS
    numbers = np.searchsorted(edges, sure, side="left") - 1
    numbers = numbers.clip(0, NUM_BINS - 1)  # a probability rounded to above 1
    counts = np.bincount(numbers, minlength=NUM_BINS)
    whole = np.maximum(counts, 1)
    confidence = np.bincount(numbers, sure, NUM_BINS) / whole
    accuracy = np.bincount(numbers, is_right, NUM_BINS) / whole
    columns = (edges[:-1], edges[1:], counts, confidence, accuracy)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [CalibrationBin(*row) for row in rows]


def _mistakes(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    sure: NDArray[np.float64],
) -> list[Mistake]:
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:MAX_MISTAKES]
    columns = (wrong, labels[wrong], predicted[wrong], sure[wrong])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [Mistake(*row) for row in rows]


def _check_matrix(name: str, values: NDArray[Any]) -> None:
    if values.ndim != 2 or not values.shape[1] or values.dtype.kind != "f":
        raise MetricsError(
            f"these are no {name}",
            expected="floats of shape (examples, classes)",
            found=f"{values.dtype.name} of shape {values.shape}",
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise MetricsError(
            f"{name} are not finite numbers in {len(bad)} of {len(values)} examples",
            found=f"{values[bad[0]].tolist()} for example {bad[0]}",
        )


def _check_probabilities(values: NDArray[np.float32]) -> None:
    _check_matrix("probabilities", values)
    if values.dtype != np.float32:
        raise MetricsError(
            "probabilities are not float32",
            found=values.dtype.name,
            hint="probabilities() makes them",
        )
    off = np.abs(values.sum(axis=1, dtype=np.float64) - 1) > SUM_TOLERANCE
    bad = np.flatnonzero(off | (values < 0).any(axis=1))
    if len(bad):
        raise MetricsError(
            "a row is not one of probabilities",
            expected="numbers of at least 0 with the sum 1",
            found=f"{values[bad[0]].tolist()} for example {bad[0]}",
        )


def _check_labels(
    labels: NDArray[np.integer], num_examples: int, num_classes: int
) -> None:
    if (
        labels.shape != (num_examples,)
        or labels.dtype.kind not in "iu"
        or not len(labels)
    ):
        raise MetricsError(
            "labels do not go with the probabilities",
            expected=f"integers of shape ({max(num_examples, 1)},)",
            found=f"{labels.dtype.name} of shape {labels.shape}",
        )
    bad = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(bad):
        raise MetricsError(
            "label out of range",
            expected=f"0 to {num_classes - 1}",
            found=f"{labels[bad[0]]} for example {bad[0]}",
        )


def _sklearn_metrics() -> Any:
    try:
        import sklearn.metrics
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("scikit-learn", "bench") from error
    return sklearn.metrics
