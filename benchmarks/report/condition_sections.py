"""Sections of a report about what held, and how to have it again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.report.document import Block, Code, Heading, Section, TableBlock, Text
from benchmarks.report.host_sections import rows_by_host
from benchmarks.report.tables import Table
from benchmarks.verdict.judging import Verdict
from benchmarks.verdict.rows import Row
from benchmarks.words import series


def condition_sections(
    verdict: Verdict, rows: Sequence[Row], command: str, files: Sequence[str]
) -> Iterator[Section]:
    """Environment, and how to repeat it."""
    yield Section("environment", "Environment", tuple(_environment(verdict, rows)))
    yield Section("again", "This run again", tuple(_again(rows, command, files)))


def _environment(verdict: Verdict, rows: Sequence[Row]) -> Iterator[Block]:
    by_host = rows_by_host(verdict, rows)
    for label, own in by_host.items():
        environment = own[0].environment
        facts = {k: v for k, v in environment.items() if k != "packages"}
        of = f" of {label}" if len(by_host) > 1 else ""
        yield TableBlock(_facts(facts), f"Machine{of}")
        packages = environment.get("packages")
        if isinstance(packages, Mapping):
            yield TableBlock(_facts(packages), f"Versions{of}")
    yield Heading("What held in each process")
    yield TableBlock(_conditions(rows), "Conditions")
    flags = {
        f"{group.name}: {one.name}": one.first.flags
        for group in verdict.groups
        for one in group.contenders
    }
    table = Table(
        ("contender", "says of itself"),
        tuple((name, _flags(values)) for name, values in flags.items()),
    )
    yield TableBlock(table, "What each loop says of itself", is_folded=True)


def _facts(facts: Mapping[str, Any]) -> Table:
    return Table(
        ("fact", "value"),
        tuple(
            (name.removesuffix("_bytes").replace("_", " "), _value(name, value))
            for name, value in facts.items()
        ),
    )


def _value(name: str, value: Any) -> str:
    if value is None:
        return "not known"
    if name.endswith("_bytes"):
        return f"{value / 2**30:.1f} GiB"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _flags(values: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{k.replace('_', ' ')}: {_value(k, v)}" for k, v in values.items()
    )


def _conditions(rows: Sequence[Row]) -> Table:
    """Each with all the values it had."""
    told = [row.conditions for row in rows if row.conditions is not None]
    names = list(dict.fromkeys(name for conditions in told for name in conditions))
    lines = []
    for name in names:
        values = [conditions.get(name) for conditions in told]
        lines.append((name.replace("_", " "), _all_values(name, values)))
    loads = [
        turn.foreign_load
        for row in rows
        for turn in row.turns
        if turn.what == "epoch" and turn.foreign_load is not None
    ]
    text = f"{min(loads):.2f} to {max(loads):.2f} CPUs" if loads else "not known"
    lines.append(("other programs' load during epochs", text))
    return Table(("condition", "values"), tuple(lines))


def _all_values(name: str, values: Sequence[Any]) -> str:
    numbers = [
        v for v in values if isinstance(v, int | float) and not isinstance(v, bool)
    ]
    if numbers and len(numbers) == len(values):
        low, high = min(numbers), max(numbers)
        return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
    return " | ".join(dict.fromkeys(_value(name, value) for value in values))


def _again(rows: Sequence[Row], command: str, files: Sequence[str]) -> Iterator[Block]:
    yield Text("This command measures the same once more and adds rounds to these:")
    yield Code(command)
    sessions = _distinct(row.session for row in rows)
    yield Text(
        f"All figures are made of rows in {series(files)}, of "
        f"{'session' if len(sessions) == 1 else 'sessions'} {series(sessions)}. The rows "
        "have what is not shown here: every step's loss, every wrong answer, every turn. "
        "To write this report once more from them: `python -m benchmarks report` with "
        "their folder."
    )


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
