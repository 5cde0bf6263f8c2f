"""Rows to a verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.verdict.comparability import Refusal
from benchmarks.verdict.findings import findings
from benchmarks.verdict.group import Failure, Group, failures, make_group
from benchmarks.verdict.host_sentences import host_sentences
from benchmarks.verdict.hosts import HostKey, host_labels, told_apart
from benchmarks.verdict.rows import Row
from benchmarks.verdict.sensitivity import Sensitivity, sensitivities
from benchmarks.verdict.sentences import verdict_sentences

_NOTHING: Mapping[str, Sequence[Row]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that the reports show.

    `sentences`: of speed, of accuracy. `findings`: what else is to be said. `failures`
    has one for each process without a result, on axes too. `host_labels`:
    all that measured; if there are several, a group has its own behind its name, and as
    `host`.
    """

    sentences: tuple[str, str]
    findings: list[str]
    failures: list[Failure]
    groups: tuple[Group, ...]
    sensitivities: tuple[Sensitivity, ...]
    host_labels: Mapping[HostKey, str]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Their names, in the order in which they appear."""
        return tuple(self.host_labels.values())

    @property
    def refusals(self) -> list[Refusal]:
        """Of all groups, those along axes too."""
        along = [point.group for axis in self.sensitivities for point in axis.points]
        return [one for group in (*self.groups, *along) for one in group.refusals]


def judge(
    rows: Sequence[Row], *, sensitivity: Mapping[str, Sequence[Row]] = _NOTHING
) -> Verdict:
    """`sensitivity`: rows by the axis along which they are points.

    Of several hosts, each is judged by itself: a group is one host's, and named so.
    """
    hosts = host_labels(
        [*rows, *(row for some in sensitivity.values() for row in some)]
    )
    if len(hosts) > 1:
        rows = told_apart(rows, hosts)
        sensitivity = {a: told_apart(some, hosts) for a, some in sensitivity.items()}
    by_group: dict[str, list[Row]] = {}
    for row in rows:
        by_group.setdefault(row.group, []).append(row)
    groups = _in_order([make_group(some) for some in by_group.values()], hosts)
    axes = tuple(
        one for axis, some in sensitivity.items() for one in sensitivities(axis, some)
    )
    return Verdict(
        sentences=(
            verdict_sentences(groups)
            if len(hosts) < 2
            else host_sentences(groups, len(hosts))
        ),
        findings=findings(groups, axes),
        failures=failures(
            [*rows, *(row for some in sensitivity.values() for row in some)]
        ),
        groups=groups,
        sensitivities=axes,
        host_labels=hosts,
    )


def _in_order(
    groups: Sequence[Group], hosts: Mapping[HostKey, str]
) -> tuple[Group, ...]:
    """Settings as they were first run, and the hosts of each side by side."""
    if len(hosts) < 2:
        return tuple(groups)
    settings = list(dict.fromkeys(group.setting for group in groups))
    places = {label: number for number, label in enumerate(hosts.values())}
    return tuple(
        sorted(groups, key=lambda g: (settings.index(g.setting), places[str(g.host)]))
    )
