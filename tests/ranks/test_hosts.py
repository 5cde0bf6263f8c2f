"""Two hosts: network namespaces with a cable between them, and a loopback of each."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from tests.ranks.launching import ROOT, alone, ended, records

pytestmark = pytest.mark.distributed

ADDRESSES = ("10.77.0.1", "10.77.0.2")
PORT = 29500
RUN: dict[str, Any] = {"num_train": 197, "precision": "float64", "timeout_s": 60}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Names of two namespaces; skips where they cannot be made."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need Linux, root and the ip command")
    names = [f"idxdata-{os.getpid()}-{number}" for number in range(2)]
    cables = [f"v{os.getpid()}-{number}"[:15] for number in range(2)]
    with ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "del", name)
            ip("link", "add", cables[0], "type", "veth", "peer", "name", cables[1])
            for name, cable, address in zip(names, cables, ADDRESSES, strict=True):
                ip("link", "set", cable, "netns", name)
                ip("-n", name, "addr", "add", f"{address}/24", "dev", cable)
                ip("-n", name, "link", "set", cable, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made: {error.stderr!r}")
        yield names


def start(
    host: str, command: list[str], extra: dict[str, str]
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["ip", "netns", "exec", host, *command],
        cwd=ROOT,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "OMP_NUM_THREADS": "1", **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_record(processes: list["subprocess.Popen[str]"]) -> dict[str, Any]:
    with ended(processes):
        outputs = [process.communicate(timeout=200) for process in processes]
    for process, (_, stderr) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, stderr[-3000:]
    return next(iter(records([x for out, _ in outputs for x in out.splitlines()])))


def check(record: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert record["digests"] == wanted["digests"]
    assert np.allclose(record["losses"], wanted["losses"], rtol=1e-11, atol=0)


@pytest.mark.parametrize("way", ["static", "c10d"])
def test_torchrun_on_two_hosts(hosts: list[str], way: str) -> None:
    pytest.importorskip("torch")
    processes = []
    for number, host in enumerate(hosts):
        meeting = (
            *("--node-rank", str(number)),
            *("--master-addr", ADDRESSES[0], "--master-port", str(PORT)),
        )
        if way == "c10d":
            meeting = (
                *("--rdzv-backend", "c10d", "--rdzv-id", "run"),
                *("--rdzv-endpoint", f"{ADDRESSES[0]}:{PORT}"),
                *("--local-addr", ADDRESSES[number]),
                # Both have one host name, so neither knows itself by it.
                *("--rdzv-conf", f"is_host={1 - number}"),
            )
        command = [
            *(sys.executable, "-m", "torch.distributed.run"),
            *("--nnodes", "2", "--nproc-per-node", "2", *meeting),
            *("-m", "tests.training", json.dumps(RUN)),
        ]
        processes.append(start(host, command, {}))
    record = first_record(processes)
    assert record["num_ranks"] == 4
    check(record, alone([RUN])[0])


def test_tensorflow_on_two_hosts(hosts: list[str]) -> None:
    pytest.importorskip("tensorflow")
    run = {**RUN, "loop": "tf-function"}
    workers = [f"{address}:{PORT}" for address in ADDRESSES]
    processes = []
    for number, host in enumerate(hosts):
        config = {
            "cluster": {"worker": workers},
            "task": {"type": "worker", "index": number},
        }
        command = [sys.executable, "-m", "tests.training", json.dumps(run)]
        processes.append(start(host, command, {"TF_CONFIG": json.dumps(config)}))
    record = first_record(processes)
    assert record["num_ranks"] == 2
    check(record, alone([run])[0])
