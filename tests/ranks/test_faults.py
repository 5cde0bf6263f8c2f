"""Processes are killed: the others end, and a new start goes on, at any world size."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ranks.launching import (
    alone,
    children,
    ended,
    free_port,
    records,
    tf_workers,
    together,
    torchrun,
    wait_for,
    wait_for_checkpoints,
)

pytestmark = [
    pytest.mark.distributed,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for children in /proc"),
]

# 13 steps an epoch, 39 in all; float64, so that only what is wrong can show.
RUN: dict[str, Any] = {
    "num_train": 197,
    "precision": "float64",
    "checkpoint_s": 0,
    "timeout_s": 60,
}


def folder(path: Path, **changes: Any) -> dict[str, Any]:
    return {**RUN, "checkpoint_folder": str(path), "resume": True, **changes}


def check(record: dict[str, Any], wanted: dict[str, Any], num_ranks: int) -> None:
    """The run went on, and did each step once, as if nothing had been."""
    assert record["num_ranks"] == num_ranks
    assert record["resumed_at"]
    assert record["digests"] == wanted["digests"]
    losses, expected = np.array(record["losses"]), np.array(wanted["losses"])
    assert losses.shape == expected.shape
    assert np.allclose(losses, expected, rtol=1e-11, atol=0)
    assert record["metrics"]["accuracy"] == wanted["metrics"]["accuracy"]


@pytest.fixture(scope="module")
def torch_alone() -> dict[str, Any]:
    pytest.importorskip("torch")
    return alone([RUN])[0]


@pytest.mark.parametrize("victim", [0, 2])
def test_torchrun_starts_again_after_a_kill(
    victim: int, tmp_path: Path, torch_alone: dict[str, Any]
) -> None:
    process = torchrun(3, [folder(tmp_path)], max_restarts=2)
    with ended([process]):
        wait_for_checkpoints(process, random.Random(victim).randint(3, 20))
        os.kill(children(process)[victim], signal.SIGKILL)
        stdout, stderr = process.communicate(timeout=200)
        assert process.returncode == 0, stderr[-3000:]
    check(records(stdout.splitlines())[0], torch_alone, 3)


def test_torch_goes_on_at_other_world_sizes(
    tmp_path: Path, torch_alone: dict[str, Any]
) -> None:
    for num_ranks, checkpoints in ((4, 5), (3, 9)):
        process = torchrun(num_ranks, [folder(tmp_path)])
        with ended([process]):
            wait_for_checkpoints(process, checkpoints)
            os.kill(children(process)[-1], signal.SIGKILL)
            process.communicate(timeout=200)
            assert process.returncode != 0
    check(together("torch-eager", 2, [folder(tmp_path)])[0], torch_alone, 2)


def test_one_process_goes_on_where_three_were(
    tmp_path: Path, torch_alone: dict[str, Any]
) -> None:
    process = torchrun(3, [folder(tmp_path)])
    with ended([process]):
        wait_for_checkpoints(process, 17)
    check(alone([folder(tmp_path)])[0], torch_alone, 1)


def test_tensorflow_goes_on_at_another_world_size(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    wanted = alone([{**RUN, "loop": "tf-function"}])[0]
    run = folder(tmp_path, loop="tf-function", timeout_s=30)
    processes = tf_workers(3, [run])
    with ended(processes):
        wait_for_checkpoints(processes[0], 12)
        processes[1].kill()
        # No hang: who is left ends by itself, and says why.
        for process in (processes[0], processes[2]):
            _, stderr = process.communicate(timeout=200)
            assert process.returncode != 0
            assert "RankLostError" in stderr or "another process" in stderr
    check(together("tf-function", 2, [run])[0], wanted, 2)


def test_who_waits_in_vain_ends(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    environment = {
        "RANK": "0",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "0",
    }
    waits_in_vain("torch-eager", environment)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_tensorflow_worker_that_waits_in_vain_ends(rank: int) -> None:
    pytest.importorskip("tensorflow")
    workers = [f"127.0.0.1:{free_port()}" for _ in range(2)]
    task = {"type": "worker", "index": rank}
    config = {"cluster": {"worker": workers}, "task": task}
    waits_in_vain("tf-function", {"TF_CONFIG": json.dumps(config)})


def waits_in_vain(loop: str, environment: dict[str, str]) -> None:
    """One of two processes, whose other one never comes."""
    command = [sys.executable, "-m", "trainers", "run", "--loop", loop]
    begin = time.monotonic()
    done = subprocess.run(  # noqa: PLW1510 - its status is looked at
        [*command, "--timeout-s", "5"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert ": error: not all processes of the run have come" in done.stderr
    assert time.monotonic() - begin >= 5


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_tensorflow_worker_in_training(name: str) -> None:
    pytest.importorskip("tensorflow")
    run = {**RUN, "loop": "tf-function", "timeout_s": 20, "epochs": 2000}
    processes = tf_workers(2, [{**run, "checkpoint_s": 100}])
    with ended(processes):
        wait_for(processes[0], '"event": "epoch"')
        processes[1].send_signal(getattr(signal, name))
        for process in reversed(processes):
            process.communicate(timeout=60)
            assert process.returncode != 0


def test_processes_that_differ_are_refused(tmp_path: Path) -> None:
    """Each rank has another seed: all of them say so, none trains."""
    pytest.importorskip("torch")
    code = (
        "import os, runpy, sys, json\n"
        "sys.argv = ['x', json.dumps({'seed': int(os.environ['RANK'])})]\n"
        "runpy.run_module('tests.training', run_name='__main__')\n"
    )
    script = tmp_path / "differ.py"
    script.write_text(code)
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"),
        *("--master-addr", "127.0.0.1", "--master-port", str(free_port()), str(script)),
    ]
    done = subprocess.run(  # noqa: PLW1510 - its status is looked at
        command,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert (
        "differ in their seed: expected on all what rank 0 has, 0, found 1 on rank 1"
        in done.stderr
    )
    assert '"event": "start"' not in done.stdout
