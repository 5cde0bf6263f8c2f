"""Ray itself: a whole run on this machine, and one whose node is killed meanwhile.

Ray is only started in processes of their own: it leaves much behind in the one it is in.
"""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch")
pytest.importorskip("jax")
if importlib.util.find_spec("ray") is None:
    pytest.skip("no Ray", allow_module_level=True)

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(600)]

ANSWER = "answer: "
ROOT = Path(__file__).parents[2]
LOOPS = ("torch-eager", "jax-jit")
LIMIT_S = 400
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
"""For raylets of tests, and for who joins them at 127.0.0.1."""


def command(stripes: Path, results: Path, cluster: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "benchmarks", "run", "--cluster", cluster,
        "--data", str(stripes), "--results", str(results), "--epochs", "1",
        "--loops", ",".join(LOOPS), "--threads", "1", *more,
    ]  # fmt: skip


@contextmanager
def started(
    whole: list[str], variables: dict[str, str]
) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        whole,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=os.environ | variables,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def raylets(*cpus: int) -> Iterator["subprocess.Popen[str]"]:
    """Its first answer is the address."""
    module = [sys.executable, "-m", "tests.cluster.raylets", *map(str, cpus)]
    with started(module, LOOPBACK) as process:
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(100)


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """The line in which `text` stands."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"ended without {text!r}")


def answer(process: "subprocess.Popen[str]") -> str:
    return read_until(process, ANSWER).partition(ANSWER)[2].strip()


def ask(process: "subprocess.Popen[str]", line: str) -> str:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return answer(process)


def rows_of(results: Path) -> list[Any]:
    (path,) = results.glob("stripes-*/rows.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def cells(rows: list[Any]) -> Counter[tuple[str, int, str]]:
    return Counter((row["group"], row["round"], row["contender"]) for row in rows)


def grid(recipes: tuple[str, ...], rounds: int) -> Counter[tuple[str, int, str]]:
    return Counter(
        (f"{recipe}, 1 epoch", number, loop)
        for recipe in recipes
        for number in range(rounds)
        for loop in LOOPS
    )


def listening(process: psutil.Process) -> set[str]:
    """Addresses at which the process and all below it listen."""
    found = set()
    for one in (process, *process.children(recursive=True)):
        try:
            connections = one.net_connections("inet")
        except psutil.Error:
            continue  # it has ended
        found |= {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    return found


def test_on_this_machine_alone_and_once_more(stripes: Path, tmp_path: Path) -> None:
    whole = command(
        stripes, tmp_path, "local", "--recipes", "mlp-3x100", "--rounds", "1"
    )
    with started(whole, {}) as process:
        read_until(process, "1 host")
        tree = psutil.Process(process.pid)
        below = tree.children(recursive=True)
        assert any("raylet" in " ".join(one.cmdline()) for one in below)
        assert listening(tree) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
        output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    assert not psutil.wait_procs(below, timeout=60)[1]
    rows = rows_of(tmp_path)
    assert cells(rows) == grid(("mlp-3x100",), 1)
    for row in rows:
        assert row["host"] and row["environment"]["packages"]["torch"]
        assert row["conditions"]["niceness"] == os.nice(0)
        assert row["case"]["seed"] == row["record"]["seed"] == row["round"]
        assert row["cuts"]["matmul_step_s"] > 0
    a, b = (row["record"] for row in rows)
    assert a["digests"] == b["digests"]
    assert list(tmp_path.glob("stripes-*/report.html"))

    with started(whole, {}) as process:
        output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    assert "going on with the 2 rows" in " ".join(output.split())
    assert cells(rows_of(tmp_path)) == grid(("mlp-3x100",), 2)


def test_a_node_is_killed_while_it_plays(stripes: Path, tmp_path: Path) -> None:
    recipes = ("mlp-3x100", "mlp-128x2")
    with raylets(1, 1) as cluster:
        address = answer(cluster)
        whole = command(
            stripes, tmp_path, address, "--recipes", ",".join(recipes), "--rounds", "2"
        )
        with started(whole, LOOPBACK) as process:
            # Half of the first round has ended: one contender of two.
            read_until(process, "round 1")
            (busy,) = ask(cluster, "busy").split()
            assert ask(cluster, f"lose {busy}") == "lost"
            output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    assert "was lost and is played again" in " ".join(output.split())
    rows = rows_of(tmp_path)
    assert cells(rows) == grid(recipes, 2)
    assert not [row for row in rows if "error" in row]
    by_round: dict[tuple[str, int], set[str]] = {}
    for row in rows:
        digests = row["record"]["digests"]
        fed = digests["order"] + digests["weights"] + digests["batches"]
        by_round.setdefault((row["group"], row["round"]), set()).add(fed)
    assert all(len(fed) == 1 for fed in by_round.values())


def test_two_fingerprints_on_one_machine(stripes: Path, tmp_path: Path) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU is one fingerprint")
    with raylets(1, 2) as cluster:
        address = answer(cluster)
        whole = command(
            stripes, tmp_path, address, "--recipes", "mlp-3x100", "--rounds", "2"
        )
        with started(whole, LOOPBACK) as process:
            output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, output
    assert "one round at a time on each machine" in " ".join(output.split())
    rows = rows_of(tmp_path)
    assert cells(rows) == grid(("mlp-3x100",), 2)
    hosts = Counter(row["environment"]["usable_cpus"] for row in rows)
    assert hosts == {1: 2, 2: 2}
    assert "Each of 2 hosts was judged by itself" in " ".join(output.split())
    (page,) = tmp_path.glob("stripes-*/report.html")
    assert "with 1 usable CPU<" in page.read_text()


def test_an_interrupt_leaves_whole_rounds_and_no_process(
    stripes: Path, tmp_path: Path
) -> None:
    whole = command(
        stripes, tmp_path, "local", "--recipes", "mlp-3x100", "--rounds", "1000"
    )
    with started(whole, {}) as process:
        read_until(process, "round 2")
        below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 130, output
    assert "Interrupted" in output
    assert not psutil.wait_procs(below, timeout=60)[1]
    rows = rows_of(tmp_path)
    assert cells(rows) == grid(("mlp-3x100",), len(rows) // len(LOOPS))
    assert list(tmp_path.glob("stripes-*/report.html"))
