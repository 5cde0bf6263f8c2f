"""LOOPS.md and its picture: what the loop benchmark found, to read and keep."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.child import Row
from benchmarks.loop_results import (
    Outcome,
    find,
    loops_of,
    parse_row,
    recipes_of,
    tally,
)
from benchmarks.report.cells import short
from benchmarks.report.drawing import COLOURS
from benchmarks.report.loop_tables import (
    FORM_LEGEND,
    OTHER_COLUMNS,
    OTHER_LEGEND,
    PAIR_COLUMNS,
    PAIR_LEGEND,
    failures,
    form_columns,
    form_rows,
    other_rows,
    pair_row,
)
from benchmarks.report.tables import markdown_table

_PANELS_A_ROW = 2


def write_loop_report(rows: Sequence[Row], rows_path: Path) -> Path:
    """Write LOOPS.md and loops.png beside `rows_path`; returns the former's path."""
    outcomes = [parse_row(row) for row in rows]
    picture = rows_path.parent / "loops.png"
    plot_forms(outcomes, picture)
    parts = [
        "# Speed of the loops",
        tally(outcomes),
        "## Ours against the loop written by hand",
        markdown_table(PAIR_COLUMNS, [pair_row(outcome) for outcome in outcomes]),
        PAIR_LEGEND,
        *(f"- failed: {line}" for line in failures(outcomes)),
        *_others(outcomes),
        "## All loops of a recipe",
        markdown_table(form_columns(outcomes), form_rows(outcomes)),
        FORM_LEGEND,
        f"![Milliseconds a step by recipe and loop]({picture.name})",
        "## Conditions",
        f"- rows: {rows_path.name}\n" + _conditions(rows),
    ]
    path = rows_path.parent / "LOOPS.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _others(outcomes: Sequence[Outcome]) -> list[str]:
    others = other_rows(outcomes)
    if not others:
        return []
    table = markdown_table(OTHER_COLUMNS, others)
    return ["## What is usually written", table, OTHER_LEGEND]


def plot_forms(outcomes: Sequence[Outcome], path: Path) -> None:
    """Milliseconds a step: a panel a recipe, a bar a loop, a mark for the one by hand.

    A bar that dwarfs all others is cut, as its number and an arrow say; marks beyond
    the axis are left out.
    """
    recipes, loops = recipes_of(outcomes), loops_of(outcomes)
    colours = _colours(loops)
    width = min(_PANELS_A_ROW, len(recipes))
    count = -(-len(recipes) // width)
    height = (0.27 * len(loops) + 0.8) * count + 0.4
    figure = Figure(figsize=(5.5 * width, height), layout="constrained")
    panels = figure.subplots(count, width, squeeze=False).reshape(-1)
    for axes, recipe in zip(panels, recipes, strict=False):
        found = {loop: find(outcomes, recipe, loop) for loop in loops}
        times = {
            loop: outcome.ours.step_ms if outcome else None
            for loop, outcome in found.items()
        }
        by_hand = {
            loop: outcome.by_hand.step_ms if outcome else None
            for loop, outcome in found.items()
        }
        _draw(axes, times, by_hand, colours)
        axes.set_title(recipe, loc="left", fontsize=10, fontweight="bold")
    for axes in panels[len(recipes) :]:
        axes.set_visible(False)
    figure.supxlabel(
        "ms a step, ours; the mark is the loop written by hand", fontsize=9
    )
    figure.savefig(path, dpi=110)


def _colours(loops: Sequence[str]) -> dict[str, str]:
    """One a framework: the word before the dash."""
    families = list(dict.fromkeys(loop.partition("-")[0] for loop in loops))
    return {
        loop: COLOURS[families.index(loop.partition("-")[0]) % len(COLOURS)]
        for loop in loops
    }


def _draw(
    axes: Axes,
    times: dict[str, float | None],
    by_hand: dict[str, float | None],
    colours: dict[str, str],
) -> None:
    end = _axis_end(sorted(t for t in times.values() if t is not None))
    for place, (loop, time_ms) in enumerate(times.items()):
        if time_ms is None:
            axes.text(0.01 * end, place, "failed", va="center", fontsize=8)
            continue
        is_cut = time_ms > end
        axes.barh(place, min(time_ms, end), color=colours[loop], height=0.7)
        text = short(time_ms) + (" →" if is_cut else "")
        mark = by_hand[loop]
        is_marked = mark is not None and mark <= end
        # Behind the mark too, where that lies beyond the bar.
        edge = max(time_ms, mark if mark is not None and is_marked else 0)
        where = 0.985 * end if is_cut else edge + 0.012 * end
        axes.text(
            where,
            place,
            text,
            va="center",
            ha="right" if is_cut else "left",
            fontsize=8,
            color="white" if is_cut else "black",
        )
        if mark is not None and is_marked:
            axes.plot([mark, mark], [place - 0.42, place + 0.42], color="black", lw=1.2)
    axes.set_yticks(range(len(times)), list(times), fontsize=8)
    axes.set_xlim(0, 1.1 * end)
    axes.invert_yaxis()
    axes.tick_params(axis="x", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _axis_end(times: Sequence[float]) -> float:
    """Of sorted times: the last, or if it dwarfs them, some room behind the one before."""
    if len(times) > 1 and times[-1] > 2 * times[-2]:
        return 1.25 * times[-2]
    return times[-1] if times else 1.0


def _conditions(rows: Sequence[Row]) -> str:
    environment, case = rows[0]["environment"], rows[0]["case"]
    facts = {key: value for key, value in environment.items() if key != "packages"}
    facts |= {
        "threads": case["num_threads"],
        "rounds": f"{case['num_rounds']} of about {case['round_s']:g} s",
    }
    lines = [f"- {key.replace('_', ' ')}: {value}" for key, value in facts.items()]
    versions = ", ".join(f"{k} {v}" for k, v in environment["packages"].items())
    lines.append(f"- packages: {versions}")
    flags = {
        row["case"]["loop"]: row["record"]["flags"] for row in rows if "record" in row
    }
    for loop, values in flags.items():
        lines.append(f"- {loop}: " + ", ".join(f"{k} {v}" for k, v in values.items()))
    loads = [row["foreign_load"] for row in rows if row["foreign_load"] is not None]
    if loads:
        lines.append(
            "- CPUs used by other programs during each run: "
            + ", ".join(f"{load:.2f}" for load in loads)
        )
    return "\n".join(lines)
