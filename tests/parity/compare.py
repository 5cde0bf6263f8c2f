"""The numbers that say whether two loops are the same model, and their limits. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from tests.parity.measure import Measured

FLOAT64_LIMIT = 1e-12
"""Of losses in float64, relative. Rounding alone gives 1e-15 in 100 steps."""

LOGITS_LIMIT = 1e-8
"""Of logits after training in float64, relative to their norm. Rounding alone gives
1e-15, and 1e-9 where Adam makes steps of what rounding leaves of a gradient that is 0,
that of a bias ahead of batch normalisation. Evaluation is in no loss."""

LOSS_LIMIT = 1e-6
"""Of the first loss in float32, relative."""

GRADIENT_LIMIT = 1e-5
"""Of the first gradients in float32, relative to their norms."""

EXCESS_LIMIT = 10.0
"""Of curves in float32, in units of what a change of one ulp does to loops.

Chosen after the simpler rule had failed: with a floor of the two loops alone, of single
weights, equal models exceed any limit, because a near-tie that one framework's rounding
decides otherwise need not be among three runs. With this rule a loop against itself stays
near 1. Where the floor has grown it hides what is smaller: there float64 is the proof.
"""

Curves = NDArray[np.float64]
"""(runs, steps): losses of the run itself, then of those with one weight changed."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one loop and recipe, against the reference; each number with its limit.

    A number is None if there was nothing to compare: see `errors`.
    """

    recipe: str
    loop: str
    loss: float | None = None
    gradients: float | None = None
    float64_losses: float | None = None
    float64_logits: float | None = None
    excess: float | None = None
    errors: tuple[str, ...] = ()

    @property
    def exceeded(self) -> list[str]:
        """The names of numbers that are above their limit, or no number at all."""
        return [
            name
            for name, limit in LIMITS.items()
            if (value := getattr(self, name)) is not None and not value <= limit
        ]

    @property
    def holds(self) -> bool:
        """Whether all was compared and nothing is too large."""
        return not self.errors and not self.exceeded


LIMITS: dict[str, float] = {
    "loss": LOSS_LIMIT,
    "gradients": GRADIENT_LIMIT,
    "float64_losses": FLOAT64_LIMIT,
    "float64_logits": LOGITS_LIMIT,
    "excess": EXCESS_LIMIT,
}
"""Of a verdict's numbers, by name."""


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """The largest difference between any two loops, and which they are."""

    recipe: str
    name: str
    value: float
    loops: tuple[str, str]

    @property
    def holds(self) -> bool:
        """Whether it is within the limit."""
        return self.value <= LIMITS[self.name]


def judge(
    recipe: str,
    loop: str,
    reference: Measured,
    found: Mapping[str, Measured],
    floor: NDArray[np.float64] | None,
    *,
    errors: tuple[str, ...] = (),
) -> Verdict:
    """`found`: what the loop made of the recipe, by precision.

    `floor`: `chaos_floor` of all loops in float32; None if there are none.
    """
    numbers: dict[str, float] = {}
    if "float64" in found:
        exact = found["float64"]
        numbers["float64_losses"] = loss_error(exact, reference)
        numbers["float64_logits"] = logits_error(exact, reference)
    if "float32" in found:
        single = found["float32"]
        numbers["loss"] = first_loss_error(single, reference)
        numbers["gradients"] = gradient_error(single, reference)
        if floor is not None:
            numbers["excess"] = excess(curves(single), curves(reference), floor)
    return Verdict(recipe, loop, **numbers, errors=errors)


def judge_pairs(
    recipe: str, name: str, found: Mapping[str, Measured]
) -> PairVerdict | None:
    """Of "float64_losses" or "excess"; `found`: measured by loop in that precision."""
    worst: PairVerdict | None = None
    floor = chaos_floor(map(curves, found.values())) if found else None
    for pair in combinations(found, 2):
        one, other = (found[loop] for loop in pair)
        if name == "excess" and floor is not None:
            value = excess(curves(one), curves(other), floor)
        else:
            value = loss_error(one, other)
        # Also taken if it is not a number.
        if worst is None or not value <= worst.value:
            worst = PairVerdict(recipe, name, value, pair)
    return worst


def loss_error(measured: Measured, reference: Measured) -> float:
    """The largest difference of a step's losses, relative."""
    return _relative(measured["losses"], reference["losses"])


def first_loss_error(measured: Measured, reference: Measured) -> float:
    """Of the first step's loss, relative: in training, and with gradients."""
    in_training = _relative(measured["losses"][:1], reference["losses"][:1])
    with_gradients = _relative(measured["loss"], reference["loss"])
    return float(np.maximum(in_training, with_gradients))


def gradient_error(measured: Measured, reference: Measured) -> float:
    """|g - reference| / |reference| of the whole gradient, all arrays as one, in 2-norms.

    Not array by array: of a kernel ahead of batch normalisation most of the gradient
    cancels, and what float32 leaves of it says more of sums than of models. Infinite
    if names or shapes differ.
    """
    names = [name for name in reference if name.startswith("gradient.")]
    if names != [name for name in measured if name.startswith("gradient.")]:
        return float("inf")
    if any(measured[name].shape != reference[name].shape for name in names):
        return float("inf")
    distances = [_norm(measured[name] - reference[name]) for name in names]
    norms = [_norm(reference[name]) for name in names]
    return float(np.linalg.norm(distances) / np.linalg.norm(norms))


def logits_error(measured: Measured, reference: Measured) -> float:
    """|logits - reference| / |reference|, in 2-norms."""
    difference = measured["logits"] - reference["logits"]
    return _norm(difference) / _norm(reference["logits"])


def curves(measured: Measured) -> Curves:
    """The run itself, and those with a changed weight if there are any."""
    base = measured["losses"][None]
    return np.concatenate([base, measured.get("ulp_losses", base[:0])])


def chaos_floor(loops: Iterable[Curves]) -> NDArray[np.float64]:
    """(steps,): how far a change of one ulp has led any of the loops up to each step.

    The largest distance so far of a changed run from the same loop's run itself, and
    never less than one float32 rounding of the loss.
    """
    distances = []
    for runs in loops:
        base = runs[0]
        distances.append(np.spacing(np.abs(base).astype(np.float32)).astype(float))
        distances += [np.abs(run - base) for run in runs[1:]]
    return _so_far(np.max(distances, axis=0))


def excess(one: Curves, other: Curves, floor: NDArray[np.float64]) -> float:
    """How much further two loops are apart than chaos leads them; about 1 is normal.

    At every step, the largest distance so far over `chaos_floor` of all loops: they
    come past the same near-ties (of a ReLU or a maximum), and each may decide one
    otherwise. Of this the largest over all steps. Of the runs of both those two are
    taken that are closest, since a difference of models is in all of them.
    """
    distances = np.abs(one[:, None] - other[None])
    ratios = (_so_far(distances) / floor).max(axis=2)
    return float(ratios.min()) if np.isfinite(ratios).all() else float("inf")


def _so_far(values: NDArray[np.float64]) -> NDArray[np.float64]:
    running: NDArray[np.float64] = np.maximum.accumulate(values, axis=-1)
    return running


def _relative(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    return float(np.max(np.abs(values - reference) / np.abs(reference)))


def _norm(array: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(array.astype(np.float64)))
