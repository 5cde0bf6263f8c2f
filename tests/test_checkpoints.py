"""Files of weights and checkpoints: what was written, or one clear error."""

import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.checkpoints import (
    Checkpoint,
    RunFacts,
    read_best,
    read_checkpoint,
    read_weights,
    save_best,
    save_checkpoint,
    save_weights,
)
from trainers.errors import CheckpointError
from trainers.layers import BatchNorm, Dense, Dropout, Flatten
from trainers.npz import arrays_digest, read_npz, write_npz
from trainers.optimizers import SGD, Adam
from trainers.recipes import RECIPES, Recipe
from trainers.record import EpochRecord
from trainers.resuming import check_place, warning
from trainers.stopping import Best
from trainers.weights import Weights, initial_weights

TINY = Recipe(
    "tiny",
    (2, 3),
    (Flatten(), Dense(2, "tanh"), BatchNorm(), Dropout(0.25), Dense(3)),
    Adam(0.01, final_learning_rate=0.1),
    batch_size=4,
    epochs=2,
)

FACTS = RunFacts(TINY, "torch-eager", 2**64 - 1, "float32", 0, "d" * 64)


def checkpoint(**changes: Any) -> Checkpoint:
    made = Checkpoint(
        facts=FACTS,
        weights=initial_weights(TINY, 1),
        state={"step": np.array(7), "m.1.kernel": np.arange(12.0).reshape(6, 2)},
        epoch=1,
        step=2,
        batches={"seed": 2**64 - 1, "epoch": 1, "step": 2, "data": "d", "order": "o"},
        losses=np.array([0.1 + 0.2, np.pi, 1e-300]),
        epochs=[EpochRecord(1.5, None, 0.5, 1.0, 5, 2.0, 0.25)],
        best=Best(0, 1 / 3),
        resumed_at=[(0, 3)],
        made_with={"threads": 2, "torch": "2.1"},
    )
    return replace(made, **changes)


def same(a: Weights, b: Weights) -> bool:
    return list(a) == list(b) and all(
        a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes()
        for name in a
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def sound(folder: Path) -> Path:
    path = folder / "sound.npz"
    save_checkpoint(path, checkpoint())
    return path


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_weights_come_back(name: str, kind: str, tmp_path: Path) -> None:
    recipe = RECIPES[name]
    weights = {
        name: array.astype(kind) * (1 + 1e-12)
        for name, array in initial_weights(recipe, 5).items()
    }
    save_weights(tmp_path / "w", recipe, dict(reversed(weights.items())))
    found_recipe, found = read_weights(tmp_path / "w")
    assert found_recipe == recipe
    assert same(found, weights)
    assert all(array.flags.writeable for array in found.values())


def test_layouts_do_not_matter(tmp_path: Path) -> None:
    weights = {k: v.copy() for k, v in initial_weights(TINY, 5).items()}
    odd = weights | {"1.kernel": np.asfortranarray(weights["1.kernel"])}
    save_weights(tmp_path / "w", TINY, odd)
    assert same(read_weights(tmp_path / "w")[1], weights)
    arrays = {"a": np.arange(6, dtype=">i4").reshape(2, 3).T}
    write_npz(tmp_path / "a", {}, arrays)
    _, found = read_npz(tmp_path / "a")
    assert found["a"].dtype.isnative
    assert found["a"].flags.c_contiguous
    np.testing.assert_array_equal(found["a"], arrays["a"])


def test_checkpoints_come_back(sound: Path) -> None:
    found, wanted = read_checkpoint(sound, FACTS), checkpoint()
    assert same(found.weights, wanted.weights)
    assert same(dict(sorted(found.state.items())), dict(sorted(wanted.state.items())))
    assert found.state["step"].shape == ()
    assert found.losses.tobytes() == wanted.losses.tobytes()
    names = ("epoch", "step", "batches", "epochs", "best", "resumed_at", "made_with")
    for name in names:
        assert getattr(found, name) == getattr(wanted, name), name
    recipe, weights = read_weights(sound)
    assert recipe == TINY
    assert same(weights, wanted.weights)


def test_best_comes_back(tmp_path: Path) -> None:
    best, weights = Best(3, 0.1 + 0.2), initial_weights(TINY, 2)
    save_best(tmp_path / "best", FACTS, weights, best)
    found, found_weights = read_best(tmp_path / "best", FACTS)
    assert found == best
    assert same(found_weights, weights)
    with pytest.raises(CheckpointError, match="lacks parts"):
        read_checkpoint(tmp_path / "best", FACTS)


@pytest.mark.parametrize(
    ("changes", "what", "expected"),
    [
        ({"loop": "jax-jit"}, "loop", "jax-jit"),
        ({"seed": 0}, "seed", 0),
        ({"precision": "float64"}, "precision", "float64"),
        ({"validation": 5}, "validation", 5),
        ({"data": "e" * 64}, "data", "e" * 64),
        ({"recipe": replace(TINY, epochs=3)}, "recipe (epochs)", "3"),
        (
            {"recipe": replace(TINY, name="x", optimizer=SGD(1))},
            "recipe (name, optimizer)",
            "x, {",
        ),
    ],
)
def test_another_run_is_told(
    sound: Path, changes: dict[str, Any], what: str, expected: object
) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(sound, replace(FACTS, **changes))
    assert caught.value.what == f"the checkpoint is of another {what}"
    assert str(caught.value.expected).startswith(str(expected))
    assert caught.value.path == str(sound)


@given(data=st.data())
def test_a_changed_byte_is_found_or_changes_nothing(
    data: st.DataObject, sound: Path, folder: Path
) -> None:
    content = bytearray(sound.read_bytes())
    # Half of the changes go to the ends: most of the archive's own fields are there.
    place = st.integers(0, len(content) - 1) | st.integers(-1500, -1)
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(place)] ^= data.draw(st.integers(1, 255))
    path = folder / "changed.npz"
    path.write_bytes(content)
    try:
        found = read_checkpoint(path, FACTS)
    except CheckpointError as error:
        assert error.path == str(path)
        return
    wanted = read_checkpoint(sound, FACTS)
    assert same(found.weights, wanted.weights)
    assert arrays_digest(found.state) == arrays_digest(wanted.state)
    assert found.losses.tobytes() == wanted.losses.tobytes()
    assert (found.epochs, found.best) == (wanted.epochs, wanted.best)
    assert found.batches == wanted.batches


def test_a_truncated_file_is_refused(sound: Path, folder: Path) -> None:
    content = sound.read_bytes()
    path = folder / "short.npz"
    for length in (*range(0, len(content), 41), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError) as caught:
            read_weights(path)
        assert caught.value.path == str(path)


class Trap:
    """Unpickling it would say so."""

    sprung = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Trap, "sprung", True))


def members(sound: Path) -> dict[str, Any]:
    with np.load(sound) as archive:
        return dict(archive)


def with_table(found: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The members with a table that goes with them, and with these changes."""
    arrays = {name: array for name, array in found.items() if name != "meta"}
    table = json.loads(found["meta"].tobytes())
    table |= {"arrays": arrays_digest(arrays)} | changes
    return arrays | {"meta": np.frombuffer(json.dumps(table).encode(), np.uint8)}


def weight(found: dict[str, Any], array: Any) -> dict[str, Any]:
    return with_table(found | {"weights/1.bias": array})


def without(found: dict[str, Any], name: str) -> dict[str, Any]:
    return with_table({key: value for key, value in found.items() if key != name})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m | {"trap": np.array([Trap()])}, "pickle"),
        (lambda m: {k: v for k, v in m.items() if k != "meta"}, "a member 'meta'"),
        (lambda m: m | {"meta": np.zeros(3)}, "not one of bytes"),
        (lambda m: m | {"meta": np.frombuffer(b"[1]", np.uint8)}, "list"),
        (lambda m: m | {"meta": np.frombuffer(b"{", np.uint8)}, "JSONDecodeError"),
        (lambda m: m | {"losses": m["losses"] + 1}, "not those that were written"),
        (lambda m: m | {"more": np.zeros(2)}, "not those that were written"),
        (lambda m: with_table(m, schema_version=2), "newer release"),
        (lambda m: with_table(m, schema_version="1"), "another version"),
        (lambda m: with_table(m, recipe={"name": "x"}), "no sound recipe"),
        (lambda m: with_table(m, recipe=None), "no sound recipe"),
        (lambda m: without(m, "weights/1.bias"), "not the weights of tiny"),
        (lambda m: with_table(m | {"weights/9.bias": m["losses"]}), "not the weights"),
        (lambda m: weight(m, np.zeros((2, 1), "f4")), "expected (2,), found (2, 1)"),
        (lambda m: weight(m, np.zeros(2, "f8")), "found float32, float64"),
        (lambda m: weight(m, np.zeros(2, "i4")), "all float32 or all float64"),
        (lambda m: without(m, "losses"), "lacks parts"),
        (lambda m: with_table(m, epoch=-1), "lacks parts"),
        (lambda m: with_table(m, epochs=[{"speed": 3}]), "lacks parts"),
        (lambda m: with_table(m, best=[]), "lacks parts"),
        (lambda m: with_table(m, made_with=3), "lacks parts"),
        (lambda m: with_table(m, facts=None), "weights alone"),
    ],
)
def test_defects_have_one_error(
    sound: Path, tmp_path: Path, change: Any, message: str
) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **change(members(sound)))
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path, FACTS)
    assert message in str(caught.value)
    assert caught.value.path == str(path)
    assert not Trap.sprung


@pytest.mark.parametrize("kind", ["npy", "pickle", "compressed", "twice", "huge"])
def test_other_files_are_refused(sound: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.npz"
    match kind:
        case "npy":
            with path.open("wb") as file:
                np.save(file, np.zeros(3))
        case "pickle":
            path.write_bytes(pickle.dumps(Trap()))
        case "compressed":
            np.savez_compressed(path, **members(sound))
        case "twice":
            path.write_bytes(sound.read_bytes())
            with (
                zipfile.ZipFile(path, "a") as archive,
                pytest.warns(UserWarning, match="Duplicate"),
            ):
                archive.writestr("meta.npy", b"")
        case "huge":  # 8 TB by its header
            shape = io.BytesIO()
            header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
            np.lib.format.write_array_header_1_0(shape, header)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("weights/1.bias.npy", shape.getvalue())
    with pytest.raises(CheckpointError) as caught:
        read_weights(path)
    assert caught.value.path == str(path)
    assert not Trap.sprung


def at_one_place(**changes: Any) -> Checkpoint:
    """After step 2 of 5 of epoch 1."""
    return checkpoint(losses=np.ones(7), **changes)


@pytest.mark.parametrize(
    ("changes", "part", "expected", "found"),
    [
        ({"state": {"step": np.array(6)}}, "optimiser's step", 7, 6),
        ({"state": {"step": np.array(8, np.int32)}}, "optimiser's step", 7, 8),
        ({"state": {"step": np.array(7.0)}}, "optimiser's step", 7, 7.0),
        ({"state": {}}, "optimiser's step", 7, None),
        ({"losses": np.ones(6)}, "losses", 7, 6),
        ({"epochs": []}, "epochs", 1, 0),
        ({"epoch": 0, "step": 7}, "step", "at most 5", 7),
    ],
)
def test_all_of_a_checkpoint_is_of_one_step(
    changes: dict[str, Any], part: str, expected: object, found: object
) -> None:
    check_place(at_one_place(), 5)
    with pytest.raises(CheckpointError) as caught:
        check_place(replace(at_one_place(), **changes), 5)
    assert caught.value.what.startswith(f"the checkpoint's {part} and")
    assert (caught.value.expected, caught.value.found) == (expected, found)


def test_what_made_it_is_compared() -> None:
    now: dict[str, int | str] = {"threads": 2, "torch": "2.1"}
    assert warning(now | {"more": 1}, now) is None
    text = str(warning({"threads": 1}, now))
    assert "with threads 1, now 2; torch unknown, now 2.1: " in text


def test_wrong_weights_are_not_written(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    save_weights(path, TINY, initial_weights(TINY, 1))
    before = path.read_bytes()
    for weights in ({}, {k: v[:1] for k, v in initial_weights(TINY, 1).items()}):
        with pytest.raises(CheckpointError):
            save_weights(path, TINY, weights)
    with pytest.raises(TypeError):
        save_checkpoint(path, checkpoint(state={"x": np.array([None])}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "missing.npz")
