"""Parts of the JAX loop: pooling's ties, files of weights, threads of a process."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.parity import reference_layers
from trainers.errors import CheckpointError
from trainers.layers import Dense, Flatten
from trainers.optimizers import SGD
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

jax = pytest.importorskip("jax")
jax_model: Any = pytest.importorskip("trainers.loops.jax_model")
jax_files: Any = pytest.importorskip("trainers.loops.jax_files")

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(
    "small", (4, 4), (Flatten(), Dense(3, "relu"), Dense(2)), SGD(0.1), 8, 1
)


@pytest.mark.parametrize("size", [1, 2, 3, 12])
@pytest.mark.parametrize("sides", [(12, 12), (13, 14)])
def test_max_pool_gives_its_gradient_to_the_first_of_equals(
    size: int, sides: tuple[int, int]
) -> None:
    random = np.random.default_rng(size)
    # Whole numbers of which many are equal; exact in any dtype.
    x = random.integers(-2, 3, (3, *sides, 2)).astype(np.float32)
    expected, backward = reference_layers.max_pool(x, size)
    d_largest = random.integers(1, 9, expected.shape).astype(np.float32)
    pool = jax.jit(lambda x: jax_model._max_pooled(x, size, sides))
    assert np.array_equal(pool(x), expected)
    found, pullback = jax.vjp(pool, x)
    assert np.array_equal(found, expected)
    assert np.array_equal(pullback(d_largest)[0], backward(d_largest)[0])


@pytest.fixture
def weights() -> Weights:
    return initial_weights(RECIPE, 1)


def test_files_hold_weights_by_their_neutral_names(
    weights: Weights, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    jax_files.write_weights(weights, path)
    found = jax_files.read_weights(RECIPE, path)
    assert sorted(found) == sorted(weights)
    for name, array in weights.items():
        assert found[name].tobytes() == array.tobytes()
        assert found[name].shape == array.shape
    with pytest.raises(FileExistsError):
        jax_files.write_weights(weights, path)


def test_another_suffix(weights: Weights, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    for call in (
        lambda: jax_files.write_weights(weights, path),
        lambda: jax_files.read_weights(RECIPE, path),
    ):
        with pytest.raises(CheckpointError) as caught:
            call()
        assert caught.value.expected == ".safetensors"
    assert not path.exists()


def test_damaged_files(weights: Weights, tmp_path: Path) -> None:
    sound = tmp_path / "sound.safetensors"
    jax_files.write_weights(weights, sound)
    content = sound.read_bytes()
    header = content[8:].index(b"}}") + 10
    damaged = [
        b"",
        content[:7],
        content[: header - 5],
        content[:-1],
        content + b"x",
        b"\xff" * 8 + content[8:],
        content.replace(b'"F32"', b'"F99"', 1),
        content.replace(b'"F32"', b'"I32"', 1),
    ]
    path = tmp_path / "damaged.safetensors"
    for number, bad in enumerate(damaged):
        path.write_bytes(bad)
        with pytest.raises(CheckpointError) as caught:
            jax_files.read_weights(RECIPE, path)
        assert caught.value.path == str(path), number


def test_weights_of_another_recipe(weights: Weights, tmp_path: Path) -> None:
    name = next(iter(weights))
    fewer = {key: array for key, array in weights.items() if key != name}
    others = [
        fewer,
        weights | {"9.bias": np.zeros(2, np.float32)},
        weights | {name: np.ascontiguousarray(weights[name].T)},
        weights | {name: weights[name].astype(np.int32)},
    ]
    for number, other in enumerate(others):
        path = tmp_path / f"{number}.safetensors"
        jax_files.write_weights(other, path)
        with pytest.raises(CheckpointError, match="array"):
            jax_files.read_weights(RECIPE, path)


CHILD = """
import json, os
from trainers.errors import LoopError
from trainers.loops import jax_loop
from trainers.loops.job import Job
from trainers.recipes import find_recipe

def configure(count):
    job = Job(find_recipe("mlp-3x100"), "jit", 10, num_threads=count)
    try:
        return jax_loop.configure(job)
    except LoopError as error:
        return error.found
{before}
flags = configure({count})
print(json.dumps([flags, configure({count}), configure(7), os.environ.get("PJRT_NPROC")]))
"""


def child(count: int, before: str = "", **variables: str) -> list[Any]:
    text = CHILD.replace("{before}", before).replace("{count}", str(count))
    environment = {
        name: value for name, value in os.environ.items() if name != "PJRT_NPROC"
    }
    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env=environment | variables,
        text=True,
    )
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("count", [1, 3])
def test_threads_are_what_the_job_says_and_stay_so(count: int) -> None:
    flags, again, other, variable = child(count)
    assert flags == again
    assert flags["threads"] == count
    assert flags["enable_x64"] is True and flags["float32_matmul"] == "highest"
    assert other == count
    assert variable is None


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_client_that_runs_already_keeps_its_threads() -> None:
    running = "import jax; jax.devices()"
    flags, _, _, variable = child(2, running, PJRT_NPROC="2")
    assert flags["threads"] == 2
    assert variable == "2"
    found, *_ = child(1, running, PJRT_NPROC="3")
    assert found == 3
