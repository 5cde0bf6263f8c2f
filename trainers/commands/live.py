"""A run as it goes on: a line for each epoch, below them a bar that moves."""

import json
import time
from typing import Any, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from idxdata.terminal import duration, percent

_HEADER = (
    "epoch",
    "loss",
    "test acc.",
    "val. loss",
    "val. acc.",
    "time",
    "examples/s",
    "data",
)
_WIDTHS = (7, 9, 10, 10, 10, 10, 11, 6)
_OF_VALIDATION = (3, 4)
_SHOWN = ("start", "progress", "epoch", "warning", "stopped")
_SILENT = ("checkpoint", "record")


class Live:
    """Shows events of `trainers.run.run`; a context, which ends with the bar's end.

    `is_fold`: whether there is a validation part. Without a terminal only the epochs'
    lines are printed.
    """

    def __init__(self, console: Console, *, is_fold: bool) -> None:
        self._console = console
        self._is_fold = is_fold
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[text]}"),
            console=console,
            transient=True,
            # A thread that draws would take its time from the steps that are timed.
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._epochs = 0
        self._last: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        self._task = self._bar.add_task("preparing", total=1, text="")
        self._bar.refresh()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        """Show one event; of a kind that is not known, its JSON."""
        kind = event["event"]
        if kind in _SHOWN:
            getattr(self, f"_{kind}")(event)
        elif kind not in _SILENT:
            self._console.print(json.dumps(event), style="dim", markup=False)

    def _start(self, event: dict[str, Any]) -> None:
        self._epochs = event["epochs"]
        ranks = event["ranks"]
        where = f", in [bold]{ranks}[/] processes" if ranks > 1 else ""
        self._console.print(
            f"[bold]{event['recipe']}[/] with {event['num_parameters']:,} parameters, "
            f"by [bold]{event['loop']}[/], on [bold]{event['dataset']}[/]{where}"
        )
        if event["resumed_at"] is not None:
            epoch, step = event["resumed_at"]
            self._console.print(f"goes on after {epoch} epochs and {step} steps")
        self._console.print()
        self._console.print(self._row(*_HEADER), style="dim")
        self._update(total=event["steps"], completed=0, text="")

    def _progress(self, event: dict[str, Any]) -> None:
        self._last = event
        data = event["data_share"]
        parts = [
            f"loss {_loss(event['loss'])}",
            f"{event['examples_per_s']:,.0f} examples/s",
            "" if data is None else f"data {data:.0%}",
            f"[cyan]{duration(event['eta_s'])} left[/]",
        ]
        self._update(
            description=f"{event['epoch'] + 1}/{self._epochs}",
            completed=event["step"],
            total=event["steps"],
            text="  ".join(part for part in parts if part),
        )

    def _epoch(self, event: dict[str, Any]) -> None:
        data = self._last.get("data_share")
        rate = self._last.get("examples_per_s")
        held_out = event["validation_loss"]
        self._console.print(
            self._row(
                f"{event['epoch'] + 1}/{self._epochs}",
                _loss(event["mean_loss"]),
                percent(event["test_accuracy"], digits=2),
                "" if held_out is None else _loss(held_out),
                ""
                if held_out is None
                else percent(event["validation_accuracy"], digits=2),
                duration(event["total_s"]),
                "" if rate is None else f"{rate:,.0f}",
                "" if data is None else f"{data:.0%}",
            )
            + (" [green]best[/]" if event["is_best"] else "")
        )
        self._update(completed=0, text="")

    def _warning(self, event: dict[str, Any]) -> None:
        self._console.print(f"[yellow]warning:[/] {escape(event['text'])}")

    def _stopped(self, event: dict[str, Any]) -> None:
        self._console.print(f"stopped: {event['reason']}")

    def _row(self, *texts: str) -> str:
        columns = enumerate(zip(texts, _WIDTHS, strict=True))
        return "".join(
            f"{text:>{width}}"
            for place, (text, width) in columns
            if self._is_fold or place not in _OF_VALIDATION
        )

    def _update(self, **values: Any) -> None:
        if self._task is not None:
            self._bar.update(self._task, refresh=True, **values)


def _loss(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.2e}"


class Stopwatch:
    """Wall seconds since it was made."""

    def __init__(self) -> None:
        self._begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._begin
