"""The feeding benchmark's tables on a terminal."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape

from benchmarks import order_bench
from benchmarks.child import Row
from benchmarks.data_results import Key, Results, parse_row
from benchmarks.feed_contenders import Feeder
from benchmarks.feed_goals import goals, measured
from benchmarks.goals import judge
from benchmarks.report import feed_tables as tables
from benchmarks.report.cells import GOAL_COLUMNS, goal_row
from benchmarks.report.console import print_table
from benchmarks.report.data_tables import failures
from benchmarks.stats import spread

_Style = tuple[str, tuple[str, ...], Callable[[Results, Key], tuple[str, ...]], str]

_STYLES: dict[str, _Style] = {
    "feed": ("feeding", tables.FEED_COLUMNS, tables.feed_row, tables.LEGEND),
    "augment": ("augmented", tables.FEED_COLUMNS, tables.feed_row, ""),
    "prefetch": (
        "a thread that makes the next batch, next to work of the same length",
        tables.PREFETCH_COLUMNS,
        tables.prefetch_row,
        "",
    ),
    "share": ("training mlp-3x100", tables.SHARE_COLUMNS, tables.share_row, ""),
    order_bench.ORDER: (
        "the order of an epoch",
        tables.ORDER_COLUMNS,
        tables.order_row,
        "",
    ),
    "large": (
        "feeding",
        tables.LARGE_COLUMNS,
        tables.large_row,
        tables.LARGE_LEGEND,
    ),
}


def print_results(
    rows: Sequence[Row], data: str, feeders: Sequence[Feeder], console: Console
) -> None:
    """A table for each group and batch size, failures, and the goals."""
    results = Results(parse_row(row) for row in rows)
    places = {feeder.label: place for place, feeder in enumerate(feeders)}
    for group, (heading, columns, make_row, legend) in _STYLES.items():
        for where, keys in _sections(results, group).items():
            keys.sort(key=lambda key: places.get(f"{key.group}/{key.contender}", 0))
            lines = tables.notes(rows, keys, feeders)
            cells = [make_row(results, key) for key in keys]
            title = f"{heading}: {where}" if where else heading
            print_table(console, title, columns, cells, lines)
        if legend and _sections(results, group):
            console.print(legend, "", highlight=False)
    for line in failures(results):
        console.print(f"[red]failed:[/] {escape(line)}", highlight=False)
    console.print(_load_line(rows), "", highlight=False)
    asked = measured(goals(data), results.keys)
    if asked:
        verdicts = [goal_row(verdict) for verdict in judge(asked, results)]
        print_table(console, "Goals", GOAL_COLUMNS, verdicts)


def _load_line(rows: Sequence[Row]) -> str:
    loads = [row["foreign_load"] for row in rows if row.get("foreign_load") is not None]
    if not loads:
        return "It is unknown what else the machine did."
    load = spread(loads)
    return (
        f"Others kept {load.median:.2f} CPUs busy ({load.low:.2f}-{load.high:.2f}): of a "
        "machine that is not idle, trust ratios and no times."
    )


def _sections(results: Results, group: str) -> dict[str, list[Key]]:
    """Keys of a group by what is fed; the states of one contender are one row."""
    found: dict[str, dict[str, Key]] = {}
    for key in results.keys:
        if key.group != group:
            continue
        where = key.input if group in ("feed", "augment", "large") else ""
        found.setdefault(where, {}).setdefault(f"{key.contender} {key.input}", key)
    return {where: list(keys.values()) for where, keys in found.items()}
