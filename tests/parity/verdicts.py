"""From what was measured to verdicts: every loop against the reference, and in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.parity.children import PRECISIONS, Results
from tests.parity.compare import (
    PairVerdict,
    Verdict,
    chaos_floor,
    curves,
    judge,
    judge_pairs,
)
from tests.parity.reference_loop import REFERENCE


@dataclass(frozen=True, slots=True)
class RecipeVerdict:
    """`digests` of batches: one if all loops were fed the same. `missing` by loop."""

    recipe: str
    loops: tuple[Verdict, ...]
    pairs: tuple[PairVerdict, ...]
    digests: frozenset[str]
    missing: dict[str, str]

    @property
    def holds(self) -> bool:
        """Whether all holds; a loop whose framework is missing does not count."""
        loops_hold = all(verdict.holds for verdict in self.loops)
        pairs_hold = all(verdict.holds for verdict in self.pairs)
        return len(self.digests) == 1 and loops_hold and pairs_hold


def judge_recipe(recipe: str, loops: Sequence[str], results: Results) -> RecipeVerdict:
    """The verdicts of `loops` on one recipe."""
    reference = results.reference(recipe)
    measured = [results.of(recipe, precision) for precision in PRECISIONS]
    names = ("float64_losses", "excess")
    pairs = (
        judge_pairs(recipe, name, found)
        for name, found in zip(names, measured, strict=True)
    )
    missing = {
        loop: reason
        for (loop, of_recipe, _), reason in results.missing.items()
        if of_recipe == recipe
    }
    everything = [*(found for by_loop in measured for found in by_loop.values())]
    if reference is not None:
        everything.append(reference)
    single = measured[1].values()
    floor = chaos_floor(map(curves, single)) if single else None
    return RecipeVerdict(
        recipe,
        tuple(
            _of_loop(recipe, loop, results, floor)
            for loop in loops
            if loop not in missing
        ),
        tuple(pair for pair in pairs if pair is not None),
        frozenset(str(found["digest"]) for found in everything),
        missing,
    )


def _of_loop(
    recipe: str, loop: str, results: Results, floor: NDArray[np.float64] | None
) -> Verdict:
    reference = results.reference(recipe)
    keys = [(REFERENCE.name, recipe, "float64")]
    keys += [(loop, recipe, precision) for precision in PRECISIONS]
    errors = tuple(
        f"{name} {precision}: {results.errors[key]}"
        for key in keys
        if key in results.errors
        for name, _, precision in [key]
    )
    if reference is None:
        return Verdict(recipe, loop, errors=errors or ("there is no reference",))
    found = {
        precision: results.measured[loop, recipe, precision]
        for precision in PRECISIONS
        if (loop, recipe, precision) in results.measured
    }
    return judge(recipe, loop, reference, found, floor, errors=errors)
