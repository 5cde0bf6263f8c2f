"""Hosts: what they tell of themselves, and whether they may take part. Pure.

A *node* is Ray's word for one of its raylets. A *machine* is what runs one kernel: two
raylets may share one. A *host* is what figures are told of: a name and a fingerprint,
the row's `environment`. Rounds of one machine exclude each other, whatever raylet they
come through; rows of one host may be told in one breath.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.cluster.errors import ClusterError
from benchmarks.verdict.hosts import HostKey, host_key


@dataclass(frozen=True, slots=True)
class Node:
    """As Ray has it; its CPUs and GPUs are what a round takes, all of them."""

    id: str
    address: str
    num_cpus: float
    num_gpus: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """What all hosts need to have alike: `num_threads` at least, digests exactly."""

    num_threads: int
    code: str
    data: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What a process on the node found. `machine` is the same for all processes above
    one kernel. `error`: why it has not what is wanted; None if nothing failed."""

    name: str
    machine: str
    environment: dict[str, Any]
    code: str
    data: str | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """`nodes`: at least one, all on the same machine."""

    name: str
    machine: str
    environment: dict[str, Any]
    nodes: tuple[Node, ...]

    @property
    def key(self) -> HostKey:
        """As its rows have it."""
        return host_key(self.name, self.environment)


def hosts_of(probed: Sequence[tuple[Node, Probe]], wanted: Wanted) -> list[Host]:
    """In the order of nodes. Machines of one name get their address behind it.

    Raises `ClusterError`, which names each host that is not as wanted and says why.
    """
    wrong = [line for _, probe in probed for line in _defects(probe, wanted)]
    if wrong:
        raise ClusterError("; ".join(dict.fromkeys(wrong)))
    found: dict[tuple[str, HostKey], Host] = {}
    for node, probe in _told_apart(probed):
        key = probe.machine, host_key(probe.name, probe.environment)
        nodes = (*found[key].nodes, node) if key in found else (node,)
        found[key] = Host(probe.name, probe.machine, probe.environment, nodes)
    return list(found.values())


def _defects(probe: Probe, wanted: Wanted) -> Iterator[str]:
    if probe.code != wanted.code:
        yield f"host {probe.name}: runs other code than this process"
    usable = probe.environment["usable_cpus"]
    if usable < wanted.num_threads:
        yield (
            f"host {probe.name}: too few usable CPUs: expected at least "
            f"{wanted.num_threads}, found {usable}; --threads says how many"
        )
    if probe.error is not None:
        yield f"host {probe.name}: {probe.error}"
    elif probe.data != wanted.data:
        yield (
            f"host {probe.name}: has other data of this name: expected digest "
            f"{wanted.data[:12]}, found {str(probe.data)[:12]}"
        )


def _told_apart(probed: Sequence[tuple[Node, Probe]]) -> Iterator[tuple[Node, Probe]]:
    machines = {(probe.name, probe.machine) for _, probe in probed}
    names = Counter(name for name, _ in machines)
    for node, probe in probed:
        if names[probe.name] > 1:
            probe = replace(probe, name=f"{probe.name} ({node.address})")
        yield node, probe
