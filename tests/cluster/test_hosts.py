"""Which hosts there are, and which may not take part; without Ray."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster.code import PACKAGES, ROOT, code_digest, copy_code
from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.hosts import Node, Probe, Wanted, hosts_of
from benchmarks.cluster.work import ProbeOrder, machine_id, probe
from idxdata import load
from tests.verdict import synthetic_rows

WANTED = Wanted(num_threads=2, code="c", data="d" * 64)


def probed(name: str, machine: str, number: int, **more: Any) -> tuple[Node, Probe]:
    facts = {"environment": synthetic_rows.environment(), "code": "c", "data": "d" * 64}
    node = Node(f"node {number}", f"10.0.0.{number}", 2.0, 0.0)
    return node, Probe(name, machine, **(facts | more))


def test_two_raylets_of_a_machine_are_one_host() -> None:
    (one,) = hosts_of([probed("a", "x", 1), probed("a", "x", 2)], WANTED)
    assert [node.id for node in one.nodes] == ["node 1", "node 2"]


def test_another_fingerprint_is_another_host_of_the_machine() -> None:
    more = synthetic_rows.environment() | {"usable_cpus": 8}
    some = [probed("a", "x", 1), probed("a", "x", 2, environment=more)]
    a, b = hosts_of(some, WANTED)
    assert a.machine == b.machine and a.key != b.key


def test_machines_of_one_name_are_told_apart() -> None:
    some = [probed("box", "x", 1), probed("box", "y", 2), probed("other", "z", 3)]
    names = [one.name for one in hosts_of(some, WANTED)]
    assert names == ["box (10.0.0.1)", "box (10.0.0.2)", "other"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"code": "other"}, "host b: runs other code"),
        (
            {"data": "e" * 64},
            "host b: has other data .* dddddddddddd, found eeeeeeeeeeee",
        ),
        (
            {"data": None, "error": "FileNotFoundError: x"},
            "host b: FileNotFoundError: x",
        ),
        (
            {"environment": synthetic_rows.environment() | {"usable_cpus": 1}},
            "host b: too few usable CPUs: expected at least 2, found 1; --threads",
        ),
    ],
)
def test_a_host_that_is_not_as_wanted_is_named(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClusterError, match=message) as caught:
        hosts_of([probed("a", "x", 1), probed("b", "y", 2, **wrong)], WANTED)
    assert "host a" not in str(caught.value)


def test_a_host_tells_what_it_is(stripes: Path) -> None:
    order = ProbeOrder(str(stripes), (("mlp-3x100", ""),), {"commit": "abc"})
    found = probe(order)
    assert found.data == load(stripes).digest and found.error is None
    assert found.code == code_digest()
    assert found.environment["commit"] == "abc"
    assert found.machine and found.name


@pytest.mark.parametrize(
    ("data", "recipe", "message"),
    [
        ("/no/such/folder", ("mlp-3x100", ""), "/no/such/folder"),
        ("glyph", ("mlp-3x100", ""), "glyphs"),
        ("STRIPES", ("/no/recipe.toml", "123456"), "recipe.toml"),
        ("STRIPES", ("mlp-3x100", "123456"), "another content"),
    ],
)
def test_what_a_host_has_not(
    data: str, recipe: tuple[str, str], message: str, stripes: Path
) -> None:
    place = str(stripes) if data == "STRIPES" else data
    found = probe(ProbeOrder(place, (recipe,), {}))
    assert found.data is None
    assert message in str(found.error)


def test_code_travels_without_what_was_made_of_it(tmp_path: Path) -> None:
    copy_code(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(PACKAGES)
    assert not list(tmp_path.rglob("__pycache__"))
    assert code_digest(tmp_path) == code_digest(ROOT)
    made = tmp_path / "idxdata" / "__pycache__"
    made.mkdir()
    (made / "x.pyc").touch()
    assert code_digest(tmp_path) == code_digest(ROOT)
    (tmp_path / "idxdata" / "plan.py").write_text("")
    assert code_digest(tmp_path) != code_digest(ROOT)


def test_a_machine_is_known_by_its_kernel() -> None:
    code = "from benchmarks.cluster.work import machine_id; print(machine_id())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout
    assert told.strip() == machine_id()
