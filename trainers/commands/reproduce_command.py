"""`reproduce`: run a quoted recipe, keep its row, and say how far it came."""

import argparse
import json
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from idxdata import Dataset, load
from idxdata.terminal import duration, percent
from trainers.quoted.reproducing import reproduce
from trainers.quoted.rows import QuotedRow, read_rows, row_to_dict, write_row


def main(args: argparse.Namespace) -> int:
    """Print events and the row as JSON lines, or progress and a summary."""
    # Before the test set is looked at: that a row can be kept.
    Path(args.results).mkdir(parents=True, exist_ok=True)
    earlier = read_rows(args.results)
    dataset = load(args.data)
    if args.held_out:
        dataset = _without_test(dataset)
    if args.json:
        row = _reproduce(
            args, dataset, lambda event: print(json.dumps(event), flush=True)
        )
        path = write_row(args.results, row)
        told = {"event": "row", "path": str(path), "row": row_to_dict(row)}
        print(json.dumps(told))
        return 0
    console = Console(highlight=False)
    with Live(console) as live:
        row = _reproduce(args, dataset, live)
    path = write_row(args.results, row)
    console.print(_summary(row))
    _print_earlier(console, row, earlier)
    console.print(f"[dim]row[/]  {escape(str(path))}")
    return 0


def _reproduce(args: argparse.Namespace, dataset: Dataset, on_event: Any) -> QuotedRow:
    return reproduce(
        args.name,
        dataset,
        is_held_out=args.held_out,
        num_threads=args.threads,
        on_event=on_event,
    )


def _without_test(dataset: Dataset) -> Dataset:
    """So that nothing can look at it: what is held out of the train split decides."""
    return Dataset(dataset.name, dataset.train, None, dataset.classes)


def _summary(row: QuotedRow) -> Table:
    quoted = row.recipe["quoted_error"]
    reached = row.num_wrong / row.num_judged
    where = "test" if row.num_test else "held out"
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for name in ("quoted", "reached", "wrong"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("of")
    for name in ("time", "CPU time"):
        table.add_column(name, justify="right", no_wrap=True)
    colour = "green" if reached <= quoted else "yellow"
    table.add_row(
        percent(quoted, digits=2).strip(),
        f"[bold {colour}]{percent(reached, digits=2).strip()}[/]",
        f"{row.num_wrong:,}",
        f"{row.num_judged:,} {where}",
        duration(row.wall_s),
        duration(row.cpu_s),
    )
    return table


def _print_earlier(console: Console, row: QuotedRow, earlier: list[QuotedRow]) -> None:
    """Whether the test set was looked at before, and by what."""
    looks = [
        one
        for one in earlier
        if one.num_test and (one.name, one.data) == (row.name, row.data)
    ]
    if not row.num_test or not looks:
        return
    others = sum(one.recipe != row.recipe for one in looks)
    if others:
        console.print(
            f"[yellow]warning:[/] the test set was looked at before, by other numbers "
            f"of this recipe: {others} times"
        )
    same = sum(one.wrong == row.wrong and one.recipe == row.recipe for one in looks)
    if len(looks) > others:
        console.print(
            f"run before with these numbers: {len(looks) - others} times, "
            f"{same} of them with the same images wrong"
        )


class Live:
    """Shows events of `reproduce`; a context, which ends with the bars' end.

    A bar for each part of the work; without a terminal, what is started and warnings.
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
            self._tasks[part] = self._bar.add_task(part, total=None, text="")
        self._bar.update(
            self._tasks[part],
            completed=event["done"],
            total=event["total"],
            text=event["text"],
        )
