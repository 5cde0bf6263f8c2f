"""Runs of `tests.training` in several processes on this machine's loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[2]

Options = dict[str, Any]
Event = dict[str, Any]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def alone(runs: Sequence[Options]) -> list[Event]:
    """Records of the runs in one ordinary process."""
    return records(_finished([_start([sys.executable, "-m", *_training(runs)], {})])[0])


def torchrun(
    num_ranks: int, runs: Sequence[Options], max_restarts: int = 0
) -> "subprocess.Popen[str]":
    """PyTorch's launcher, under way."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nproc-per-node", str(num_ranks), "--max-restarts", str(max_restarts)),
        *("--master-addr", "127.0.0.1", "--master-port", str(free_port())),
        *("--monitor-interval", "0.1", "-m", *_training(runs)),
    ]
    return _start(command, {"OMP_NUM_THREADS": "1"})


def tf_workers(
    num_ranks: int, runs: Sequence[Options]
) -> list["subprocess.Popen[str]"]:
    """A process for each task of a TF_CONFIG, under way."""
    workers = [f"127.0.0.1:{free_port()}" for _ in range(num_ranks)]
    started = []
    for rank in range(num_ranks):
        config = {
            "cluster": {"worker": workers},
            "task": {"type": "worker", "index": rank},
        }
        command = [sys.executable, "-m", *_training(runs)]
        started.append(_start(command, {"TF_CONFIG": json.dumps(config)}))
    return started


def together(loop: str, num_ranks: int, runs: Sequence[Options]) -> list[Event]:
    """Records that rank 0 of so many processes tells; raises unless all end well."""
    if loop.startswith("torch"):
        processes = [torchrun(num_ranks, runs)]
    else:
        processes = tf_workers(num_ranks, runs)
    return records(_finished(processes)[0])


def records(lines: Sequence[str]) -> list[Event]:
    events = [json.loads(line) for line in lines if line.startswith('{"event"')]
    return [event["record"] for event in events if event["event"] == "record"]


@contextmanager
def ended(processes: Sequence["subprocess.Popen[str]"]) -> Iterator[None]:
    """None of them, nor what they started, is left after the block."""
    with ExitStack() as stack:
        for process in processes:
            stack.enter_context(process)
        try:
            yield
        finally:
            for process in processes:
                # torchrun's children have sessions of their own.
                for number in [*children(process), process.pid]:
                    with suppress(ProcessLookupError):
                        os.kill(number, signal.SIGKILL)


def children(process: "subprocess.Popen[str]") -> list[int]:
    """Process numbers of the processes that `process` started, oldest first."""
    try:
        found = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [child.pid for child in sorted(found, key=lambda one: one.create_time())]


def wait_for_checkpoints(process: "subprocess.Popen[str]", count: int) -> list[str]:
    """Read until so many checkpoints were told; the lines."""
    return wait_for(process, '"event": "checkpoint"', count)


def wait_for(process: "subprocess.Popen[str]", text: str, count: int = 1) -> list[str]:
    """Read until so many lines with `text` came; all lines till then."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        count -= text in line
        if count == 0:
            break
    return lines


def _training(runs: Sequence[Options]) -> list[str]:
    return ["tests.training", *map(json.dumps, runs)]


def _start(command: list[str], extra: dict[str, str]) -> "subprocess.Popen[str]":
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_CONFIG", "RANK", "WORLD_SIZE")
    }
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "2", **extra}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _finished(processes: Sequence["subprocess.Popen[str]"]) -> list[list[str]]:
    """Each one's lines on standard output; all must end well, and in time."""
    end = time.monotonic() + 500
    with ended(processes):
        outputs = []
        for process in processes:
            left = max(end - time.monotonic(), 1)
            stdout, stderr = process.communicate(timeout=left)
            assert process.returncode == 0, stderr[-3000:]
            outputs.append(stdout.splitlines())
        return outputs
