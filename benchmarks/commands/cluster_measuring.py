"""What `run` does with a cluster: hosts looked at, rounds played there, rows gathered."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from benchmarks.cluster.code import code_digest
from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.gathering import Gathered
from benchmarks.cluster.hosts import Host, Wanted, hosts_of
from benchmarks.cluster.messages import Ended, Turned
from benchmarks.cluster.playing import Origin, play_on
from benchmarks.cluster.rays import RayPool, connected
from benchmarks.cluster.schedule import Schedule
from benchmarks.cluster.work import ProbeOrder
from benchmarks.commands.outcome import COMMAND, Measured, outcome
from benchmarks.contest.entry import Axis, Entry
from benchmarks.contest.folder import RowFile, held_folder, results_folder, rows_path
from benchmarks.contest.machine import environment
from benchmarks.contest.schedule import Rule
from benchmarks.verdict.rows import read_rows
from benchmarks.words import count, series
from idxdata import Dataset


def measure_on(
    address: str,
    entries: Sequence[Entry],
    rule: Rule,
    results: Path,
    console: Console,
    *,
    dataset: Dataset,
    num_threads: int,
    axis: Axis | None = None,
) -> Measured:
    """As `measure`, on the hosts of the Ray cluster at `address`.

    Nothing is written before all hosts have what is wanted. What goes wrong with the
    cluster after that is printed, and what was measured stays.
    """
    facts = environment()
    checkout = {name: facts[name] for name in ("commit", "changes")}
    place = {
        "num_threads": num_threads,
        "precision": entries[0].precision,
        "device": entries[0].device,
        "cluster": checkout,
    }
    session = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    origin = Origin(session, shlex.join([*COMMAND, *sys.argv[1:]]))
    with connected(address) as pool:
        hosts = _hosts(pool, entries, dataset, checkout, console)
        with held_folder(results_folder(results, dataset, place)) as folder:
            path = rows_path(folder, axis)
            if path.exists():
                read_rows(path)  # which refuses what is not ours to go on with
            file = RowFile(path)
            if file.rows:
                console.print(
                    f"[dim]going on with the {len(file.rows)} rows of[/] {path}"
                )
            gathered = Gathered(file, dataset.digest)
            schedule = Schedule(entries, rule, gathered, cuts=axis is None)
            status = _play(pool, hosts, schedule, origin, console)
    return Measured(
        folder, dataset, file.rows, session, status == 130, has_problem=status == 2
    )


def _hosts(
    pool: RayPool,
    entries: Sequence[Entry],
    dataset: Dataset,
    checkout: dict[str, Any],
    console: Console,
) -> list[Host]:
    recipes = tuple(dict.fromkeys((one.recipe, one.edition) for one in entries))
    order = ProbeOrder(entries[0].data, recipes, checkout)
    most = max(one.num_threads for one in entries)
    with console.status("hosts find or make the data and compile kernels"):
        nodes = pool.nodes()
        probes = pool.probe(nodes, order)
    wanted = Wanted(most, code_digest(), dataset.digest)
    hosts = hosts_of(list(zip(nodes, probes, strict=True)), wanted)
    names = series(f"{escape(host.name)} ({_cpus(host)})" for host in hosts)
    machines = len({host.machine for host in hosts})
    console.print(f"[dim]{count(len(hosts), 'host')}:[/] {names}", highlight=False)
    if machines < len(nodes):
        console.print(
            f"[dim]{count(len(nodes), 'node')} of Ray on {count(machines, 'machine')}: "
            "one round at a time on each machine[/]",
            highlight=False,
        )
    return hosts


def _cpus(host: Host) -> str:
    return count(host.environment["usable_cpus"], "usable CPU")


def _play(
    pool: RayPool,
    hosts: Sequence[Host],
    schedule: Schedule,
    origin: Origin,
    console: Console,
) -> int:
    """0; 130 if it was interrupted, 2 if the cluster failed."""
    try:
        with _shown(console, schedule.rule) as display:
            play_on(pool, hosts, schedule, origin, display)
    except KeyboardInterrupt:
        console.print("Interrupted; what follows is of the rounds that had ended.")
        return 130
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


@contextmanager
def _shown(console: Console, rule: Rule) -> Iterator["_Display"]:
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(),
        console=console, transient=True,
        disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        yield _Display(console, bar)


@dataclass(slots=True)
class _Display:
    """A line for each host that says who is at it, and one for each that has ended."""

    console: Console
    bar: Progress
    lines: dict[str, TaskID] = field(default_factory=dict)

    def turned(self, message: Turned) -> None:
        """As `Show` has it."""
        text = f"{message.host}: {message.group}: {message.contender}, {message.what}"
        if message.host not in self.lines:
            self.lines[message.host] = self.bar.add_task("", total=None)
        self.bar.update(self.lines[message.host], description=escape(text))

    def ended(self, message: Ended) -> None:
        """As `Show` has it."""
        self.console.print(f"[dim]{escape(message.host)}[/] {outcome(message.row)}")

    def noted(self, text: str) -> None:
        """As `Show` has it."""
        self.console.print(f"[yellow]{escape(text)}[/]", highlight=False)
