"""Rows by the host that measured them: nothing is paired or pooled across hosts. Pure."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.verdict.rows import Row

HostKey = tuple[str, str]
"""Name and fingerprint."""

_TOLD = {
    "usable_cpus": "{} usable CPUs",
    "python": "Python {}",
    "commit": "commit {}",
    "changes": "changes {}",
    "cpu": "{}",
    "gpu": "GPU {}",
    "system": "{}",
}
"""Facts that tell two fingerprints of one name apart, the shortest words first."""


def host_key(name: str | None, environment: Mapping[str, Any]) -> HostKey:
    """Of rows that may be told in one breath; '' for a name that is not known."""
    return name or "", json.dumps(environment, sort_keys=True)


def key_of(row: Row) -> HostKey:
    """The row's."""
    return host_key(row.host, row.environment)


def host_labels(rows: Sequence[Row]) -> dict[HostKey, str]:
    """Names for people, all different, in the order in which hosts appear."""
    facts = {key_of(row): row.environment for row in rows}
    names = Counter(name for name, _ in facts)
    labels: dict[HostKey, str] = {}
    for key, environment in facts.items():
        name = key[0] or "this machine"
        if names[key[0]] > 1:
            others = [f for k, f in facts.items() if k[0] == key[0] and k != key]
            name = f"{name} with {_special(environment, others)}"
        while name in labels.values():
            name += "'"
        labels[key] = name
    return labels


def told_apart(rows: Sequence[Row], labels: Mapping[HostKey, str]) -> list[Row]:
    """Rows whose host, group and recipe are named with the host's label.

    What is said of groups is then said of one host each.
    """
    return [_named(row, labels[key_of(row)]) for row in rows]


def _named(row: Row, label: str) -> Row:
    case = replace(row.case, recipe=f"{row.case.recipe} on {label}")
    return replace(row, host=label, group=f"{row.group}, on {label}", case=case)


def _special(
    environment: Mapping[str, Any], others: Sequence[Mapping[str, Any]]
) -> str:
    """The first fact that no other one has, in words."""
    for name, text in _TOLD.items():
        value = environment.get(name)
        if all(other.get(name) != value for other in others):
            told = text.format(value)
            return told.removesuffix("s") if told == "1 usable CPUs" else told
    packages = environment.get("packages") or {}
    for name, version in packages.items():
        if all((o.get("packages") or {}).get(name) != version for o in others):
            return f"{name} {version}"
    return "another fingerprint"
