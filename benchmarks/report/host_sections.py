"""Sections of a report whose rows came from several hosts; a table of their verdicts."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.compare.comparability import folder_differences
from benchmarks.report.document import Block, Heading, Section, TableBlock, Text
from benchmarks.report.tables import Table
from benchmarks.verdict.group import Group
from benchmarks.verdict.host_sentences import winner
from benchmarks.verdict.hosts import key_of
from benchmarks.verdict.judging import Verdict
from benchmarks.verdict.phrases import interval
from benchmarks.verdict.rows import Row
from benchmarks.words import count, format_factor


def rows_by_host(verdict: Verdict, rows: Sequence[Row]) -> dict[str, list[Row]]:
    """By the verdict's names of hosts, in the order in which they appear."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(verdict.host_labels[key_of(row)], []).append(row)
    return found


def host_section(verdict: Verdict, rows: Sequence[Row]) -> Section | None:
    """None for a single host."""
    if len(verdict.hosts) < 2:
        return None
    by_host = rows_by_host(verdict, rows)
    return Section("hosts", "Hosts", tuple(_blocks(verdict, by_host)))


def host_verdicts(verdict: Verdict) -> Table:
    """A line a host, a column a setting."""
    settings = list(dict.fromkeys(group.setting for group in verdict.groups))
    cells = {(group.host, group.setting): _cell(group) for group in verdict.groups}
    rows = tuple(
        (host, *(cells.get((host, setting), "-") for setting in settings))
        for host in verdict.hosts
    )
    return Table(("host", *settings), rows)


def _blocks(verdict: Verdict, by_host: Mapping[str, list[Row]]) -> Iterator[Block]:
    yield Text(
        f"Rounds were played on {count(len(by_host), 'host')}, each of them whole on one. "
        "All figures of this report are of one host each: rows of two hosts are neither "
        "paired nor pooled, so that this is as many verdicts as there are hosts. That "
        "they agree, or do not, says something of hosts, not of chance."
    )
    if verdict.groups:
        yield TableBlock(host_verdicts(verdict), "Who is faster on which host")
    yield TableBlock(_facts(by_host), "What hosts are")
    yield Heading("What differs between hosts")
    yield from _differences(by_host)


def _cell(group: Group) -> str:
    """A verdict in a few words, with the interval of the first two."""
    ranked = group.by_speed
    if len(ranked) < 2:
        return "nothing to compare"
    first, second = ranked[:2]
    ratio = group.ratio(second.name, first.name)
    if ratio is None:
        return "nothing to compare"
    took = f"{second.name} took {format_factor(ratio.ratio)} times {first.name}'s time"
    name = winner(group)
    head = "not established" if name is None else name
    return f"{head}: {took} ({interval(ratio)})"


def _facts(by_host: Mapping[str, list[Row]]) -> Table:
    lines = []
    for label, rows in by_host.items():
        facts = rows[0].environment
        memory = facts.get("memory_bytes")
        lines.append(
            (
                label,
                str(len({(row.group, row.place) for row in rows})),
                str(facts.get("cpu", "not known")),
                str(facts.get("usable_cpus", "not known")),
                "not known" if memory is None else f"{memory / 2**30:.1f} GiB",
                str(facts.get("python", "not known")),
            )
        )
    columns = ("host", "rounds", "CPU", "usable CPUs", "memory", "Python")
    return Table(columns, tuple(lines))


def _differences(by_host: Mapping[str, list[Row]]) -> Iterator[Block]:
    """Of each host from the first one."""
    (first, rows), *others = by_host.items()
    lines = [
        (label, item.name, item.b, item.a)
        for label, own in others
        for item in folder_differences(rows, own)
    ]
    if lines:
        yield TableBlock(Table(("host", "what", "there", f"on {first}"), tuple(lines)))
    else:
        yield Text("Of what is recorded nothing but the name.")
