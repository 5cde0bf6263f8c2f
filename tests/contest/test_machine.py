"""What children are given, and what the machine is asked."""

import os
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.contest import machine


def test_nothing_that_decides_is_inherited(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("OMP_WAIT_POLICY", "TF_XLA_FLAGS", "OPENBLAS_CORETYPE", "PYTHONPATH"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    monkeypatch.setenv("HOME", "/here")
    environ, told = machine.child_environment(3, "cpu", tmp_path)
    assert environ["HOME"] == "/here"
    for name in ("OMP_WAIT_POLICY", "TF_XLA_FLAGS", "OPENBLAS_CORETYPE", "PYTHONPATH"):
        assert name not in environ
    assert environ["MALLOC_ARENA_MAX"] == told["MALLOC_ARENA_MAX"] == "1"
    assert told["OMP_NUM_THREADS"] == told["TF_NUM_INTRAOP_THREADS"] == "3"
    assert not any("/" in value for value in told.values())


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("intel_pstate/no_turbo", "0\n", True),
        ("intel_pstate/no_turbo", "1\n", False),
        ("cpufreq/boost", "1\n", True),
        ("cpufreq/boost", "0\n", False),
        ("other", "", None),
    ],
)
def test_turbo(file: str, text: str, expected: bool | None, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert machine.turbo(tmp_path) is expected


def test_energy_is_that_of_whole_packages(tmp_path: Path) -> None:
    assert machine.energy_joules(tmp_path) is None
    for name, value in (
        ("intel-rapl:0", 5_000_000),
        ("intel-rapl:0:0", 3_000_000),
        ("intel-rapl:1", 2_500_000),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{value}\n")
    assert machine.energy_joules(tmp_path) == pytest.approx(7.5)
    # A counter that may not be read, as most systems have it, is no zero.
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert machine.energy_joules(tmp_path) is None


def test_cpu_time_of_a_tree_counts_work() -> None:
    me = psutil.Process(os.getpid())
    before, busy = machine.trees_cpu_s([me]), machine.machine_busy_s()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    assert machine.trees_cpu_s([me]) - before > 0.2
    assert machine.machine_busy_s() - busy > 0.2


def test_a_process_that_is_gone_counts_nothing() -> None:
    child = psutil.Popen(["true"])
    child.wait()
    assert machine.trees_cpu_s([child]) == 0


def test_environment_tells_the_machine() -> None:
    facts = machine.environment()
    assert facts["memory_bytes"] > 1e8 and facts["usable_cpus"] >= 1
    assert {"governor", "turbo", "gpu", "cpu", "packages", "commit"} <= set(facts)


def test_affinity_is_of_usable_cpus() -> None:
    found = machine.affinity(1)
    if found is not None:
        assert len(found) == 1 and set(found) <= os.sched_getaffinity(0)
