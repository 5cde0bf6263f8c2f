"""Augmentation: how much each example may be changed. Values only; kernels do it."""

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_PIXELS = 10_000.0
"""Of a shift and of alpha: within it no integer of the kernel overflows."""

_LIMITS = {"shift": MAX_PIXELS, "rotate": 180.0, "scale": 0.9, "shear": 4.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """The most that an example is changed by; what is not named is off.

    shift: pixels, down and to the right, each uniform in [-shift, shift)
    rotate: degrees about the centre, uniform in [-rotate, rotate); at most 180
    scale: the factor is uniform in [1 - scale, 1 + scale); at most 0.9
    shear: the tangent, x += t * y, with t uniform in [-shear, shear); at most 4
    elastic: (alpha, sigma) in pixels: noise of [-1, 1) for each pixel and axis,
        smoothed by a Gaussian of standard deviation sigma, times alpha, is added to
        where a pixel comes from (Simard, Steinkraus, Platt 2003, who took 34 and 4
        for MNIST). Sigma at most 100
    erase: (probability, share): with that probability a rectangle with sides of 1
        pixel up to that share of the image's becomes background

    Done in this order: scale, shear, rotate and shift, of which the inverse is
    composed with the elastic field and sampled bilinearly, once; erase; then the
    format's rule. What lies outside the image, and what is erased, is 0.
    docs/batches.md has the arithmetic and the random numbers.

    Raises `ValueError` if a number is negative, too large or not finite.
    """

    shift: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    elastic: tuple[float, float] | None = None
    erase: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for name, most in _LIMITS.items():
            number = _number(name, getattr(self, name), most)
            object.__setattr__(self, name, number)
        if self.elastic is not None:
            alpha, sigma = _pair("elastic", self.elastic, "alpha", "sigma")
            pair = (
                _number("elastic's alpha", alpha, MAX_PIXELS),
                _number("elastic's sigma", sigma, 100.0, above=0.0),
            )
            object.__setattr__(self, "elastic", pair)
        if self.erase is not None:
            probability, share = _pair("erase", self.erase, "probability", "share")
            pair = (
                _number("erase's probability", probability, 1.0),
                _number("erase's share", share, 1.0, above=0.0),
            )
            object.__setattr__(self, "erase", pair)

    @property
    def is_identity(self) -> bool:
        """Whether all amounts are zero, so that examples stay as they are."""
        return (
            self.shift == self.rotate == self.scale == self.shear == 0
            and (self.elastic is None or self.elastic[0] == 0)
            and (self.erase is None or self.erase[0] == 0)
        )

    def describe(self) -> dict[str, Any]:
        """The fields as JSON has them: pairs as lists, None where off."""
        return {
            "shift": self.shift,
            "rotate": self.rotate,
            "scale": self.scale,
            "shear": self.shear,
            "elastic": None if self.elastic is None else list(self.elastic),
            "erase": None if self.erase is None else list(self.erase),
        }


def gaussian_weights(sigma: float) -> NDArray[np.float32]:
    """exp(-k^2 / (2 sigma^2)) for |k| <= ceil(3 sigma), over their sum: float32.

    By decimal arithmetic of 40 digits, whose exp is rounded correctly by its
    specification: the same bits everywhere, as libm's need not be.
    """
    context = Context(prec=40)
    radius = math.ceil(3.0 * sigma)
    double = context.multiply(
        Decimal(2), context.multiply(Decimal(sigma), Decimal(sigma))
    )
    half = [
        context.exp(-context.divide(Decimal(k * k), double)) for k in range(radius + 1)
    ]
    total = half[0]
    for value in half[1:]:
        total = context.add(total, context.multiply(Decimal(2), value))
    weights = [float(context.divide(value, total)) for value in half]
    return np.array(weights[:0:-1] + weights, np.float64).astype(np.float32)


def _pair(name: str, value: Any, first: str, second: str) -> tuple[Any, Any]:
    try:
        one, other = value
    except (TypeError, ValueError):
        raise ValueError(f"{name} is ({first}, {second}), not {value!r}") from None
    return one, other


def _number(name: str, value: Any, most: float, *, above: float | None = None) -> float:
    """As a Python float of 0 .. most, or more than `above`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    low = 0.0 if above is None else math.nextafter(above, math.inf)
    if not low <= number <= most:
        bounds = f"0 to {most:g}" if above is None else f"above {above:g}, to {most:g}"
        raise ValueError(f"{name} is {bounds}, not {value!r}")
    return number
