"""BatchFormat: what a batch's numbers are and how they lie in memory. Pure."""

import math
import operator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

Pixels = Literal["uint8", "unit", "standard"]
Layout = Literal["stored", "flat", "nhwc", "nchw"]
Labels = Literal["int64", "int32", "one_hot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFormat:
    """How examples are delivered; the default is float32 in [0, 1], labels int64.

    pixels: "uint8" as stored; "unit" float32 x / 255; "standard" float32
        (x / 255 - mean) / std. Each operation in float32, rounded once
        (docs/batches.md has the rule as code).
    layout: "stored" the shape in the file; "flat" (pixels,) in stored order;
        "nhwc" (h, w, c); "nchw" (c, h, w). Images without a channel axis have
        one channel in the last two.
    labels: "int64", "int32", or "one_hot", float32 of (num_classes,).
    mean, std: for "standard" only, one number or one a channel; kept as float or
        tuple of float, used as float32.
    num_classes: for "one_hot" only, at least 1.

    Raises `ValueError` if a name is unknown, a number missing, out of range (mean
    and std must be finite, std also above 0, both as float32 too) or given without
    need, or mean and std are not equally many.
    """

    pixels: Pixels = "unit"
    layout: Layout = "stored"
    labels: Labels = "int64"
    mean: float | tuple[float, ...] | None = None
    std: float | tuple[float, ...] | None = None
    num_classes: int | None = None

    def __post_init__(self) -> None:
        for name, names in (("pixels", Pixels), ("layout", Layout), ("labels", Labels)):
            value = getattr(self, name)
            if value not in get_args(names):
                expected = ", ".join(get_args(names))
                raise ValueError(f"{name} is one of {expected}, not {value!r}")
        self._check_standard()
        self._check_classes()

    def _check_standard(self) -> None:
        if self.pixels != "standard":
            if self.mean is not None or self.std is not None:
                raise ValueError(
                    f'mean and std go with "standard", not {self.pixels!r}'
                )
            return
        mean, std = _numbers("mean", self.mean), _numbers("std", self.std)
        if isinstance(mean, tuple) and isinstance(std, tuple) and len(mean) != len(std):
            raise ValueError(f"{len(mean)} means do not go with {len(std)} stds")
        if np.min(np.asarray(std, np.float32)) <= 0:
            raise ValueError(f"std is above 0 as float32, not {self.std!r}")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "std", std)

    def _check_classes(self) -> None:
        if self.labels != "one_hot":
            if self.num_classes is not None:
                raise ValueError(
                    f'num_classes goes with "one_hot", not {self.labels!r}'
                )
            return
        try:
            number = operator.index(self.num_classes)  # type: ignore[arg-type]
        except TypeError:
            number = 0
        if not 1 <= number < 2**31:
            raise ValueError(
                f'"one_hot" needs num_classes of at least 1, not {self.num_classes!r}'
            )
        object.__setattr__(self, "num_classes", number)

    def describe(self) -> dict[str, Any]:
        """The fields as JSON has them: tuples as lists, None where not needed."""
        return {
            "pixels": self.pixels,
            "layout": self.layout,
            "labels": self.labels,
            "mean": list(self.mean) if isinstance(self.mean, tuple) else self.mean,
            "std": list(self.std) if isinstance(self.std, tuple) else self.std,
            "num_classes": self.num_classes,
        }


def _numbers(name: str, value: Any) -> float | tuple[float, ...]:
    """One finite number, or a tuple of at least one, as Python floats."""
    several = isinstance(value, (tuple, list, np.ndarray))
    try:
        numbers = tuple(float(number) for number in (value if several else (value,)))
    except (TypeError, ValueError):
        numbers = ()
    largest = float(np.finfo(np.float32).max)
    if not numbers or not all(
        math.isfinite(number) and abs(number) <= largest for number in numbers
    ):
        raise ValueError(
            f'"standard" needs {name}: a finite float32 or one a channel, not {value!r}'
        )
    return numbers if several else numbers[0]
