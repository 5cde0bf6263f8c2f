"""`reproduce`: run a quoted recipe, keep its row, and say how far it came."""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from idxdata import Dataset, load
from idxdata.terminal import duration, percent
from trainers.quoted.reproducing import reproduce
from trainers.quoted.rows import (
    QuotedRow,
    is_by_same_numbers,
    read_rows,
    row_to_dict,
    write_row,
)

_LINE_S = 60.0
"""Between lines of progress, where there is no terminal."""


def main(args: argparse.Namespace) -> int:
    """Print events and the row as JSON lines, or progress and a summary."""
    # Before the test set is looked at: that a row can be kept.
    Path(args.results).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=args.results):
        pass
    earlier = read_rows(args.results)
    dataset = load(args.data)
    if args.held_out:
        dataset = _without_test(dataset)
    rows, paths = [], []
    if args.json:
        for row in _reproduce(args, dataset, _print_json):
            path = write_row(args.results, row)
            _print_json({"event": "row", "path": str(path), "row": row_to_dict(row)})
            rows.append(row)
        for event in _looks_before(rows, earlier):
            _print_json(event)
        return 0
    console = Console(highlight=False)
    with Live(console) as live:
        for row in _reproduce(args, dataset, live):
            # At once: what is judged is kept, whatever comes after it.
            rows.append(row)
            paths.append(write_row(args.results, row))
    console.print(_summary(rows))
    for event in _looks_before(rows, earlier):
        live(event)
    for path in paths:
        console.print(f"[dim]row[/]  {escape(str(path))}")
    return 0


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


def _reproduce(
    args: argparse.Namespace, dataset: Dataset, on_event: Any
) -> Iterator[QuotedRow]:
    return reproduce(
        args.name,
        dataset,
        is_held_out=args.held_out,
        num_threads=args.threads,
        loop=args.loop,
        work_folder=args.work,
        on_event=on_event,
    )


def _without_test(dataset: Dataset) -> Dataset:
    """So that nothing can look at it: what is held out of the train split decides."""
    return Dataset(dataset.name, dataset.train, None, dataset.classes)


def _summary(rows: list[QuotedRow]) -> Table:
    """A line for each row, and the mean for each loop that has several."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("quoted", "reached", "wrong"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("of")
    for name in ("time", "CPU time"):
        table.add_column(name, justify="right", no_wrap=True)
    has_loops = any("loop" in row.details for row in rows)
    if has_loops:
        table.add_column("loop")
        table.add_column("seeds", justify="right")
    for row in rows:
        quoted = row.recipe["quoted_error"]
        where = "test" if row.num_test else "held out"
        cells = [
            percent(quoted, digits=2).strip(),
            _reached(row.num_wrong / row.num_judged, quoted),
            f"{row.num_wrong:,}",
            f"{row.num_judged:,} {where}",
            duration(row.wall_s),
            duration(row.cpu_s),
        ]
        if has_loops:
            many = f"{row.seeds[0]} to {row.seeds[-1]}"
            cells += [
                row.details["loop"],
                str(row.seeds[0]) if len(row.seeds) == 1 else many,
            ]
        table.add_row(*cells)
    for loop in dict.fromkeys(row.details.get("loop") for row in rows):
        errors = [
            row.num_wrong / row.num_judged
            for row in rows
            if row.details.get("loop") == loop
        ]
        if loop is not None and len(errors) > 1:
            mean = _reached(statistics.mean(errors), rows[0].recipe["quoted_error"])
            spread = percent(statistics.stdev(errors), digits=2).strip()
            table.add_row("", mean, "", f"mean, sd {spread}", "", "", loop, "all")
    return table


def _reached(error: float, quoted: float) -> str:
    colour = "green" if error <= quoted else "yellow"
    return f"[bold {colour}]{percent(error, digits=2).strip()}[/]"


def _looks_before(
    rows: list[QuotedRow], earlier: list[QuotedRow]
) -> Iterator[dict[str, Any]]:
    """Whether the test set was looked at before, and by what: a "warning", a "note"."""
    row = rows[0]
    looks = [
        one
        for one in earlier
        if one.num_test and (one.name, one.data) == (row.name, row.data)
    ]
    if not row.num_test or not looks:
        return
    by_same = [one for one in looks if is_by_same_numbers(one, row)]
    if others := len(looks) - len(by_same):
        yield {
            "event": "warning",
            "text": "the test set was looked at before, by other numbers of this "
            f"recipe: {others} times",
        }
    wrong = {(row.details.get("loop"), *row.seeds): row.wrong for row in rows}
    same = sum(
        one.wrong == wrong.get((one.details.get("loop"), *one.seeds)) for one in by_same
    )
    if by_same:
        yield {
            "event": "note",
            "text": f"run before with these numbers: {len(by_same)} times, "
            f"{same} of them with the same images wrong",
        }


class Live:
    """Shows events of `reproduce`; a context, which ends with the bars' end.

    A bar for each part of the work; without a terminal a line now and then.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", markup=False, style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._next_line_s = time.monotonic() + _LINE_S

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event; of a kind that is not known, its JSON."""
        match event["event"]:
            case "start":
                self._start(event)
            case "progress":
                self._progress(event)
            case "warning":
                self._console.print(f"[yellow]warning:[/] {escape(event['text'])}")
            case "note":
                self._console.print(escape(event["text"]))
            case _:
                self._console.print(json.dumps(event), style="dim", markup=False)

    def _start(self, event: dict[str, Any]) -> None:
        self._console.print(
            f"[bold]{event['name']}[/] on [bold]{escape(event['dataset'])}[/]: "
            f"{escape(event['how'])}"
        )
        by = (
            "held out train images; the test set is not looked at"
            if event["is_held_out"]
            else "the test set, once"
        )
        self._console.print(f"judged by {by}")
        self._console.print()

    def _progress(self, event: dict[str, Any]) -> None:
        part = event["part"]
        if part not in self._tasks:
            self._tasks[part] = self._bar.add_task(part, total=event["total"], text="")
        self._bar.update(
            self._tasks[part],
            completed=event["done"],
            total=event["total"],
            text=event["text"],
        )
        if not self._console.is_terminal and time.monotonic() >= self._next_line_s:
            self._next_line_s = time.monotonic() + _LINE_S
            line = f"{part} {event['done']}/{event['total']}  {event['text']}"
            self._console.print(line, markup=False)
