"""What runs on a host: finding out what it is, and playing a round. Knows no Ray."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster.code import ROOT, code_digest
from benchmarks.cluster.hosts import Probe
from benchmarks.cluster.messages import Ended, Message, Turned, brief
from benchmarks.contest.entry import Entry, edition_of
from benchmarks.contest.machine import environment
from benchmarks.contest.rounds import RoundSetting, Row, play_round
from idxdata import IdxDataError, load
from idxdata.locks import named_lock

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class ProbeOrder:
    """What is to be used on the host. `recipes`: names or files, with `edition_of`
    each. `checkout`: facts of whoever's code it is (`commit`, `changes`), as a copy of
    the code does not know them."""

    data: str
    recipes: tuple[tuple[str, str], ...]
    checkout: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RoundOrder:
    """A round to play. `setting` has the host's name and fingerprint."""

    entries: tuple[Entry, ...]
    setting: RoundSetting


def probe(order: ProbeOrder) -> Probe:
    """Find or make the data, compile kernels, and tell what host this is."""
    code, digest, error = code_digest(), None, None
    try:
        _check_recipes(order.recipes)
        digest = load(order.data).digest
    except (IdxDataError, OSError, ValueError) as problem:
        error = f"{type(problem).__name__}: {problem}"
    if error is None:
        # Not while a round is played; and what one process compiles others find.
        with named_lock(_lock_path(), note="compiles kernels"):
            _warm()
    facts = environment() | order.checkout
    return Probe(platform.node(), machine_id(), facts, code, digest, error)


def play(order: RoundOrder, post: Callable[[Message], None]) -> list[Row]:
    """The round's rows, when all of it is over. Waits while another one is played on
    this machine; `post` gets what a display needs, between turns."""
    setting, rows = order.setting, list[Row]()
    host = str(setting.host)

    def keep(row: Row) -> None:
        row["conditions"]["niceness"] = niceness
        rows.append(row)
        post(Ended(host, brief(row)))

    niceness = _usual_niceness()
    with named_lock(_lock_path(), note=f"plays round {setting.number}"):
        play_round(
            order.entries,
            setting,
            lambda entry, what: post(Turned(host, entry.group, entry.contender, what)),
            keep,
        )
    return rows


def machine_id() -> str:
    """The same for all processes above one kernel, in whatever container."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return platform.node()


def _check_recipes(recipes: Sequence[tuple[str, str]]) -> None:
    for name, edition in recipes:
        if edition_of(name) != edition:
            raise ValueError(f"{name} has another content on this host")


def _warm() -> None:
    """Compile what every contender needs, or the first one would wait for it."""
    subprocess.run(
        [sys.executable, "-m", "idxdata", "warm"],
        check=False,
        capture_output=True,
        cwd=ROOT,
    )


def _usual_niceness() -> int:
    """What contenders will have: 0 if it may be set. Ray gives its workers 15."""
    if not hasattr(os, "nice"):
        return 0
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    return os.nice(0)


def _lock_path() -> Path:
    return Path(tempfile.gettempdir()) / "idxdata-benchmark.lock"
