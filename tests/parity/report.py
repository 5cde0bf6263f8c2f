"""The verdicts as tables on a terminal, as PARITY.md and as JSON lines."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from benchmarks.report.console import print_table
from benchmarks.report.tables import markdown_table
from tests.parity.children import Results
from tests.parity.compare import LIMITS, PairVerdict, Verdict, curves
from tests.parity.measure import NUM_EPOCHS, Setting
from tests.parity.verdicts import RecipeVerdict

COLUMNS = (
    "loop",
    "step-1 loss",
    "gradients",
    "float64 losses",
    "float64 logits",
    "excess",
    "holds",
)

LEGEND = f"""\
Each loop against the reference, the same model in NumPy float64, from the same weights
on the same batches. step-1 loss: relative difference of the first loss in float32, at
most {LIMITS["loss"]:g}. gradients: of the first step's, relative to their norm, at most
{LIMITS["gradients"]:g}. float64 losses: the largest relative difference of any step's
loss, at most {LIMITS["float64_losses"]:g}. float64 logits: of the test images' after
training, relative to their norm, at most {LIMITS["float64_logits"]:g}. excess: how far
float32 losses part, in units of how far loops part from themselves when weights are
changed by one unit in the last place; at most {LIMITS["excess"]:g}."""


def loop_row(verdict: Verdict) -> tuple[str, ...]:
    """Cells of `COLUMNS`; a number above its limit has a `!`."""
    cells = []
    for name in LIMITS:
        value = getattr(verdict, name)
        digits = ".2g" if name == "excess" else ".1e"
        mark = " !" if name in verdict.exceeded else ""
        cells.append("" if value is None else f"{value:{digits}}{mark}")
    return (verdict.loop, *cells, "yes" if verdict.holds else "NO")


def rows_of(verdict: RecipeVerdict) -> list[tuple[str, ...]]:
    """A row for each loop; one whose framework is missing says so."""
    empty = ("",) * (len(COLUMNS) - 2)
    rows = [loop_row(loop) for loop in verdict.loops]
    return rows + [(loop, *empty, "missing") for loop in verdict.missing]


def notes_of(verdict: RecipeVerdict) -> list[str]:
    """Largest differences of pairs, digests, errors and what is missing."""
    notes = [_pair_note(pair) for pair in verdict.pairs]
    digests = sorted(verdict.digests)
    if len(digests) == 1:
        notes.append(f"digest of the first epoch's batches: {digests[0][:16]}")
    else:
        notes.append(f"BATCHES DIFFER: digests {', '.join(digests) or 'none'}")
    notes += [f"{loop}: {reason}" for loop, reason in verdict.missing.items()]
    return notes + [
        f"{loop.loop}, {text}" for loop in verdict.loops for text in loop.errors
    ]


def _pair_note(pair: PairVerdict) -> str:
    value = f"{pair.value:.2g}" + ("" if pair.holds else " !")
    return (
        f"largest of all pairs of loops, {pair.name.replace('_', ' ')}: {value} "
        f"({pair.loops[0]}, {pair.loops[1]})"
    )


def print_verdicts(
    verdicts: Sequence[RecipeVerdict], unequal: Sequence[str], console: Console
) -> None:
    """A table for each recipe. `unequal`: recipes that are not bit-comparable."""
    for verdict in verdicts:
        print_table(
            console, verdict.recipe, COLUMNS, rows_of(verdict), notes_of(verdict)
        )
    for recipe in unequal:
        console.print(_unequal(recipe), highlight=False)
    console.print("", LEGEND, "", sep="\n", highlight=False)
    console.print(f"[bold]{conclusion(verdicts)}[/]", highlight=False)


def conclusion(verdicts: Sequence[RecipeVerdict]) -> str:
    """One sentence."""
    failed = [verdict.recipe for verdict in verdicts if not verdict.holds]
    if failed:
        return f"Does not hold: {', '.join(failed)}."
    loops = sum(len(verdict.loops) for verdict in verdicts)
    missing = sum(len(verdict.missing) for verdict in verdicts)
    rest = f"; {missing} could not run, as a framework is missing" if missing else ""
    return f"All {loops} combinations of recipe and loop hold{rest}."


def write_report(
    verdicts: Sequence[RecipeVerdict],
    unequal: Sequence[str],
    setting: Setting,
    folder: Path,
) -> None:
    """PARITY.md, which shows "<recipe>.png" beside it, and verdicts.jsonl."""
    parts = [
        "# Parity",
        conclusion(verdicts),
        LEGEND,
        _conditions(setting),
    ]
    for verdict in verdicts:
        parts += [
            f"## {verdict.recipe}",
            markdown_table(COLUMNS, rows_of(verdict)),
            "\n".join(f"- {note}" for note in notes_of(verdict)),
            f"![float32 losses]({verdict.recipe}.png)",
        ]
    parts += [_unequal(recipe) for recipe in unequal]
    (folder / "PARITY.md").write_text("\n\n".join(parts) + "\n")
    with open(folder / "verdicts.jsonl", "w") as file:
        for verdict in verdicts:
            row = asdict(verdict) | {
                "digests": sorted(verdict.digests),
                "holds": verdict.holds,
            }
            file.write(json.dumps(row) + "\n")


def write_losses(results: Results, path: Path) -> None:
    """A JSON line for each loop, recipe and precision, the reference among them.

    "losses" of each step, "changed" those of the runs with weights one ulp off.
    """
    with open(path, "w") as file:
        for (loop, recipe, precision), found in results.measured.items():
            row = {
                "recipe": recipe,
                "loop": loop,
                "precision": precision,
                "digest": str(found["digest"]),
                "losses": found["losses"].tolist(),
                "changed": curves(found)[1:].tolist(),
            }
            file.write(json.dumps(row) + "\n")


def _unequal(recipe: str) -> str:
    return f"{recipe}: not bit-comparable, as each framework draws its own masks"


def _conditions(setting: Setting) -> str:
    batch = setting.batch_size or "each recipe's"
    return (
        f"Data {setting.data}, {setting.num_steps} steps in {NUM_EPOCHS} epochs, the "
        f"last batch of each short; batch size {batch}; {setting.num_threads} threads; "
        f"seed {setting.seed}. Each loop against itself: {setting.num_single} runs with "
        f"one weight changed, {setting.num_whole} with all."
    )
