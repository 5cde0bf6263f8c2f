"""A contender's process, seen from outside: it waits, takes a turn, waits again."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.contest.entry import Entry
from benchmarks.contest.machine import (
    affinity,
    child_environment,
    malloc_name,
    mean_mhz,
)

TURN_LIMIT_S = 3600.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Order:
    """What a player is asked for beside its entry; `cuts`: "none", "short", "long"."""

    seed: int
    cuts: str


class Player:
    """Starts nothing until `advance` is called.

    `next_turn`: what it waits to do, "start" at first, None once it has ended. `found`:
    the row's fields that it told. `folder` takes what its framework compiles.
    """

    def __init__(self, entry: Entry, order: Order, folder: Path) -> None:
        self.entry = entry
        self.next_turn: str | None = "start"
        self.found: dict[str, Any] = {}
        self._order = order
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._stderr = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed by `close`
        self._timed_out = False
        environ, told = child_environment(entry.num_threads, entry.device, folder)
        self._environ = environ
        self.found["conditions"] = {
            "affinity": affinity(entry.num_threads),
            "variables": told,
            "malloc": malloc_name(told),
            "gc_enabled": None,
            "gc_collections": None,
            "mhz_before": None,
            "mhz_after": None,
        }

    @property
    def process(self) -> psutil.Process | None:
        """The process while it runs."""
        if self._process is None or self._process.poll() is not None:
            return None
        try:
            return psutil.Process(self._process.pid)
        except psutil.Error:
            return None

    def advance(self) -> None:
        """Let it take its turn and wait until that is over."""
        conditions = self.found["conditions"]
        if self._process is None:
            conditions["mhz_before"] = mean_mhz()
            self._process = self._start()
        else:
            self._go()
        timer = threading.Timer(TURN_LIMIT_S, self._stop)
        timer.start()
        try:
            self.next_turn = self._listen()
        finally:
            timer.cancel()
        if self.next_turn is None:
            conditions["mhz_after"] = mean_mhz()
            self._end()

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process is not None:
            if self._process.poll() is None:
                self._kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    # What could not be sent to a dead process is tried once more.
                    with suppress(BrokenPipeError):
                        pipe.close()
        self._stderr.close()

    def _start(self) -> "subprocess.Popen[str]":
        order = self.entry.case(self._order.seed) | {
            "affinity": self.found["conditions"]["affinity"],
            "cuts": self._order.cuts,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contest.child", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            errors="replace",
            cwd=_ROOT,
            env=self._environ,
            # An interrupt is the parent's to deal with.
            start_new_session=True,
        )

    def _go(self) -> None:
        assert self._process is not None and self._process.stdin is not None
        # If it has ended, `_listen` finds out.
        with suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

    def _listen(self) -> str | None:
        """Take what it tells until it waits again; None if it has ended."""
        for event in self._events():
            match event["event"]:
                case "waiting":
                    return str(event["next"])
                case "record":
                    self.found["record"] = event["record"]
                case "cuts":
                    self.found["cuts"] = event["cuts"]
                case "gc":
                    self.found["conditions"]["gc_enabled"] = event["enabled"]
                    self.found["conditions"]["gc_collections"] = event["collections"]
        return None

    def _events(self) -> Iterator[dict[str, Any]]:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            # The last line of a process that was killed may be half a one.
            if line.endswith("\n"):
                yield json.loads(line)

    def _end(self) -> None:
        """What was trained stays, whatever became of the cuts after it."""
        assert self._process is not None
        status = self._process.wait()
        name = "error"
        if "record" in self.found:
            self.found.setdefault("cuts", None)
            name = "cuts_error"
        if self._timed_out:
            self.found[name] = f"stopped: a turn took more than {TURN_LIMIT_S:g} s"
        elif status or name == "error":
            self._stderr.seek(0)
            messages = self._stderr.read().strip().splitlines() or ["no message"]
            what = (
                f"exit status {status}"
                if status >= 0
                else f"killed by signal {-status}"
            )
            self.found[name] = f"{what}: {messages[-1]}"

    def _stop(self) -> None:
        self._timed_out = True
        self._kill()

    def _kill(self) -> None:
        assert self._process is not None
        try:
            below = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.Error:
            below = []
        self._process.kill()
        for process in below:
            with suppress(psutil.Error):
                process.kill()
