"""Where else a sharded split can go: adapters, arrays, pictures, commands."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Augmentation, Batches, Plan, load, read_header, read_idx
from tests.adapting import FORMATS, FRAMEWORKS, adapter, as_numpy, digest, random_split
from tests.cli.conftest import Run, run
from tests.sharding.making import Both, both, even

__all__ = ["run"]  # a fixture

GREY, COLOURED = random_split(80, 9, 8), random_split(80, 5, 6, 3)
NAMES = {"train": "train", "test": "t10k"}


@pytest.fixture
def data(tmp_path: Path) -> Both:
    return both(tmp_path / "shards", GREY, [0, 7, 7, 50, 80])


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("format", FORMATS)
def test_adapters_give_the_same_bits(
    tmp_path: Path, framework: str, format: str
) -> None:
    pytest.importorskip(framework)
    split = COLOURED if "channel" in format else GREY
    pair = both(tmp_path, split, [0, 7, 7, 50, 80])
    plan = Plan(80, 16, seed=4)
    batches = Batches(pair.sharded, plan, format=FORMATS[format])
    expected = Batches(split, plan, format=FORMATS[format]).digest(2)
    module = adapter(framework)
    assert digest(as_numpy(module.tensors(batches, 2))) == expected
    if framework != "numpy":
        assert digest(as_numpy(module.resident(batches).tensors(2))) == expected
    batches.restore(batches.state() | {"epoch": 2, "step": 0})
    assert digest(as_numpy(module.dataset(batches, 3))) == expected


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_adapters_augment_the_same(data: Both, framework: str) -> None:
    pytest.importorskip(framework)
    options: Any = {
        "format": FORMATS["unit"],
        "augmentation": Augmentation(shift=1, rotate=9),
    }
    plan = Plan(80, 16, seed=4)
    batches = Batches(data.sharded, plan, **options)
    expected = Batches(GREY, plan, **options).digest(0)
    assert digest(as_numpy(adapter(framework).dataset(batches, 1))) == expected


def test_tensorflow_does_not_read_all_for_a_dataset(data: Both) -> None:
    pytest.importorskip("tensorflow")
    plan = Plan(80, 4, seed=0, order="sequential")
    batches = Batches(data.sharded, plan, format=FORMATS["unit"])
    next(iter(adapter("tensorflow").dataset(batches, 1)))
    assert data.images.num_mapped == 1


def test_examples_of_a_sampler(data: Both) -> None:
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    module = adapter("torch")
    for split in (data.sharded, data.sharded[5:60]):
        loader = DataLoader(
            module.examples(split), batch_size=16, collate_fn=module.collate
        )
        images = np.concatenate([images.numpy() for images, _ in loader])
        expected = np.asarray(split.images) / np.float32(255)
        assert np.array_equal(images, expected)


@pytest.mark.parametrize("name", ["to_numpy", "to_torch", "to_tf", "to_jax"])
def test_all_examples_at_once(data: Both, name: str) -> None:
    package = {"to_numpy": "numpy", "to_tf": "tensorflow"}.get(name, name[3:])
    pytest.importorskip(package)
    found, expected = (getattr(one, name)() for one in (data.sharded, data.whole))
    for part, other in zip(found, expected, strict=True):
        assert np.array_equal(np.asarray(part), np.asarray(other))
    assert type(found[0]) is type(expected[0])


def test_scikit_learn_and_pandas(data: Both) -> None:
    for part, other in zip(data.sharded.to_xy(), GREY.to_xy(), strict=True):
        assert part.dtype == other.dtype
        assert np.array_equal(part, other)
    pytest.importorskip("pandas")
    assert data.sharded.as_frame().equals(GREY.as_frame())


def test_what_it_looks_like(data: Both) -> None:
    assert repr(data.sharded) == repr(GREY)
    assert data.images.num_mapped == 0
    assert data.sharded._repr_html_() == GREY._repr_html_()


def test_examples_one_by_one(data: Both) -> None:
    for (image, label), (other, expected) in zip(data.sharded, GREY, strict=True):
        assert np.array_equal(image, other)
        assert label == expected


def write_folder(place: Path, run: Run, *options: object) -> None:
    """A dataset of two splits as numbered shards, by the command that makes them."""
    np.savez(
        place / "whole.npz",
        x_train=GREY.images,
        y_train=GREY.labels,
        x_test=GREY.images[:10],
        y_test=GREY.labels[:10],
    )
    assert run("convert", "whole.npz", "sharded", *options).status == 0


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("num_shards", [1, 3, 12])
def test_convert_makes_shards_that_load_takes(
    tmp_path: Path, run: Run, suffix: str, num_shards: int
) -> None:
    write_folder(tmp_path, run, "--to", f"idx{suffix}", "--shards", num_shards)
    folder = tmp_path / "sharded"
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 4 * num_shards
    assert names[0] == f"t10k-images-00000-of-{num_shards:05d}-idx3-ubyte{suffix}"
    sizes = [
        read_header(folder / name).shape[0] for name in names if "t10k-labels" in name
    ]
    assert sum(sizes) == 10
    assert max(sizes) - min(sizes) <= 1
    data = load(folder)
    assert data.train.digest == GREY.digest
    assert data.test.digest == GREY[:10].digest
    assert run("convert", "sharded", "back.npz").status == 0
    assert load(tmp_path / "back.npz").train.digest == GREY.digest
    assert run("convert", "sharded", "one", "--to", "idx").status == 0
    one = read_idx(tmp_path / "one" / "train-images-idx3-ubyte")
    assert np.array_equal(one, GREY.images)


def test_convert_refuses_shards_of_what_has_none(tmp_path: Path, run: Run) -> None:
    np.save(tmp_path / "a.npy", GREY.images)
    for target, number, status, text in (
        ("a.npz", 3, 2, "--shards goes with"),
        ("a.idx", 3, 1, "the name of a file"),
        ("folder", 0, 2, "--shards"),
        ("folder", "x", 2, "--shards"),
        ("folder", 999_999_999, 1, "more shards than examples"),
    ):
        result = run("convert", "a.npy", target, "--shards", number)
        assert (result.status, text in result.err) == (status, True)
        assert not (tmp_path / target).exists()


def test_shards_of_idx_are_idx(tmp_path: Path, run: Run) -> None:
    write_folder(tmp_path, run, "--to", "idx")
    assert run("convert", "sharded", "more", "--shards", 2).status == 0
    assert load(tmp_path / "more").train.digest == GREY.digest
    assert len(list((tmp_path / "more").iterdir())) == 8


def test_convert_names_a_shard_that_does_not_fit(tmp_path: Path, run: Run) -> None:
    write_folder(tmp_path, run, "--to", "idx", "--shards", 3)
    (tmp_path / "sharded" / "train-images-00001-of-00003-idx3-ubyte").unlink()
    result = run("convert", "sharded", "back.npz")
    assert result.status == 1
    assert "train-images-00001-of-00003-idx3-ubyte" in result.err


def test_commands_on_a_folder_of_shards(tmp_path: Path, run: Run) -> None:
    write_folder(tmp_path, run, "--to", "idx", "--shards", 3)
    assert run("convert", "sharded", "one", "--to", "idx").status == 0
    for command in (
        ("stats", "--json"),
        ("show", "--json"),
        ("show", "--json", "--misfits", "--count", 5),
        ("show", "--json", "--png", "sheet.png", "--force"),
    ):
        name, *options = command
        found, expected = (run(name, place, *options) for place in ("sharded", "one"))
        assert found.status == expected.status == 0, found.err
        assert found.json | {"name": ""} == expected.json | {"name": ""}
    assert run("show", "sharded").status == 0
    image = "sharded/train-images-00001-of-00003-idx3-ubyte"
    assert run("info", image, "--json").json[0]["arrays"][0]["shape"] == [27, 9, 8]
    shown = run("show", image, "--json").json
    assert shown["note"].startswith("labels: train-labels-00001-of-00003-idx1")
    assert run("verify", "sharded").status == 0


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_the_page_shows_the_same(tmp_path: Path, channels: tuple[int, ...]) -> None:
    gallery = importlib.import_module("idxdata.viewer.gallery")
    orders = importlib.import_module("idxdata.viewer.orders")
    sprites = importlib.import_module("idxdata.viewer.sprites")
    pair = both(tmp_path, random_split(80, 9, 8, *channels), even(80, 6))
    made = []
    for split in (pair.whole, pair.sharded):
        own = {"a": orders.Orders(gallery.Part(split.images, split.labels))}
        measuring = own["a"].measuring["distance"]
        measuring.start()
        measuring.join()
        pictures = sprites.Sprites(own)
        made.append(
            (
                pictures.example("a", 33),
                pictures.sheet("a", orders.View(), 0),
                pictures.sheet("a", orders.View("label"), 0),
                pictures.sheet("a", orders.View("distance"), 0),
            )
        )
    assert made[0] == made[1]
