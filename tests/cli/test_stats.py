"""`stats`: its numbers against NumPy's, and those of the real MNIST."""

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from idxdata import measures, write_idx
from idxdata.commands.figures import NUM_PASSES, pixel_figures
from idxdata.commands.repeats import first_equal, overlap, repeats
from idxdata.measures import row_digests
from tests.cli.conftest import Run
from tests.cli.examples import NUM_CLASSES, write_folder

pytest.importorskip("rich")

TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
TEST_COUNTS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist(run: Run, mnist_folder: Path) -> None:
    told = run("stats", mnist_folder, "--json").json
    train, test = told["splits"]["train"], told["splits"]["test"]
    assert train["label_counts"] == TRAIN_COUNTS
    assert test["label_counts"] == TEST_COUNTS
    pixels = train["pixels"]
    assert [round(value, 4) for value in pixels["mean"]] == [0.1307]
    assert [round(value, 4) for value in pixels["std"]] == [0.3081]
    assert (pixels["minimum"], pixels["maximum"], pixels["scale"]) == (0, 255, 255)
    assert (pixels["blank"], train["duplicates"]["count"]) == (
        {"count": 0, "first": []},
        0,
    )
    assert [(one["split"], one["other"], one["count"]) for one in told["overlaps"]] == [
        ("test", "train", 0)
    ]


def test_a_folder(run: Run, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "digits")
    told = run("stats", "digits", "--json").json
    assert (told["name"], told["classes"]) == ("digits", ["0", "1", "2"])
    for name, (images, labels) in data.items():
        one = told["splits"][name]
        assert one["label_counts"] == np.bincount(labels).tolist()
        assert (one["examples"], one["shape"]) == (len(images), [6, 4])
        scaled = images.astype(float) / 255
        assert one["pixels"]["mean"] == [pytest.approx(scaled.mean(), rel=1e-12)]
        assert one["pixels"]["std"] == [pytest.approx(scaled.std(), rel=1e-12)]
        ink = images.reshape(len(images), -1).mean(axis=1)
        found = one["pixels"]["ink"]
        assert found["least"] == {"value": ink.min(), "index": int(ink.argmin())}
        assert found["most"] == {"value": ink.max(), "index": int(ink.argmax())}
    train = told["splits"]["train"]
    assert train["pixels"]["blank"] == {"count": 1, "first": [7]}
    assert train["duplicates"] == {
        "count": 2,
        "num_conflicts": 1,
        "pairs": [[20, 4], [21, 3]],
    }
    assert told["splits"]["test"]["duplicates"]["count"] == 0
    assert told["overlaps"] == [
        {
            "split": "test",
            "other": "train",
            "count": 2,
            "num_conflicts": 1,
            "pairs": [[2, 6], [5, 4]],
        }
    ]


@pytest.mark.parametrize("columns", [80, 120])
def test_as_tables(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    write_folder(tmp_path / "digits")
    monkeypatch.setenv("COLUMNS", str(columns))
    result = run("stats", "digits")
    assert result.status == 0
    assert max(map(len, result.out.splitlines())) <= columns
    text = " ".join(result.out.split())
    for words in (
        "digits, 3 classes",
        "uint8 6 x 4",
        "2, 1 labelled otherwise",
        "2 of test are in train too, 1 labelled otherwise: 2 is 6, 5 is 4",
        "2, 1 labelled otherwise: 20 is 4, 21 is 3",
        "blank in train",
        "█",
    ):
        assert words in text
    (line,) = (row for row in result.out.splitlines() if row.startswith("to normalise"))
    pixels = run("stats", "digits", "--json").json["splits"]["train"]["pixels"]
    assert f"mean=[{pixels['mean'][0]:.4f}], std=[{pixels['std'][0]:.4f}]" in line


def test_colour_has_a_mean_for_each_channel(run: Run, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    images[..., 1] //= 4
    write_idx(tmp_path / "colour", images)
    pixels = run("stats", "colour", "--json").json["splits"]["all"]["pixels"]
    scaled = images.astype(float) / 255
    np.testing.assert_allclose(pixels["mean"], scaled.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(pixels["std"], scaled.std(axis=(0, 1, 2)), rtol=1e-12)
    assert "mean=[0." in run("stats", "colour").out


def test_labels_alone(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "labels", np.array([0, 2, 2, 5], np.uint8))
    one = run("stats", "labels", "--json").json["splits"]["all"]
    assert one["label_counts"] == [1, 0, 2, 0, 0, 1]
    assert one["pixels"] is one["duplicates"] is one["shape"] is None
    out = run("stats", "labels").out
    assert "50.0 %" in out
    assert "pixels" not in out


def test_images_with_labels_of_another_file(run: Run, tmp_path: Path) -> None:
    images = np.arange(24, dtype=np.uint8).reshape(3, 2, 4)
    write_idx(tmp_path / "images.gz", images)
    table = np.array([[1, 7], [0, 8], [1, 9]], np.int32)
    write_idx(tmp_path / "table", table)  # as QMNIST's labels are
    command = ("stats", "images.gz", "--labels", "table")
    one = run(*command, "--json").json["splits"]["all"]
    assert one["label_counts"] == [1, 2]
    write_idx(tmp_path / "few", np.zeros(2, np.uint8))
    result = run("stats", "images.gz", "--labels", "few")
    assert result.status == 1
    assert "few: images and labels differ in number: expected 3" in result.err
    write_idx(tmp_path / "negative", np.array([0, -1, 1], np.int8))
    result = run("stats", "images.gz", "--labels", "negative")
    assert "a label is negative: found -1 for example 1" in result.err


def test_labels_beside_it_are_taken_and_told(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "digits")
    images = "digits/train-images-idx3-ubyte.gz"
    told = run("stats", images, "--json").json
    assert told["note"] == "labels: train-labels-idx1-ubyte.gz, which lies beside it"
    assert told["splits"]["all"]["label_counts"] == [10, 10, 10]
    lines = run("stats", images).out.splitlines()
    assert lines[:2] == ["train-images-idx3-ubyte.gz, 3 classes", told["note"]]
    write_idx(
        tmp_path / "digits" / "train-labels-idx1-ubyte.gz", np.zeros(30, np.uint8)
    )
    assert "gz, 1 class\n" in run("stats", images).out


def test_other_numbers(run: Run, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(5, 2, (7, 3, 3)).astype(np.float32)
    values[3, 1, 1] = np.nan
    write_idx(tmp_path / "nan", values)
    result = run("stats", "nan", "--json")
    pixels = result.json["splits"]["all"]["pixels"]
    assert pixels["mean"] == pixels["std"] == [None]
    assert run("stats", "nan").status == 0
    values[3, 1, 1] = 5
    write_idx(tmp_path / "floats", values)
    pixels = run("stats", "floats", "--json").json["splits"]["all"]["pixels"]
    assert pixels["mean"] == [pytest.approx(values.mean(dtype=float))]
    assert pixels["std"] == [pytest.approx(values.std(dtype=float))]
    assert pixels["scale"] == 1
    assert "/ 255" not in run("stats", "floats").out


def test_no_examples(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "none", np.zeros((0, 28, 28), np.uint8))
    one = run("stats", "none", "--json").json["splits"]["all"]
    assert (one["examples"], one["pixels"], one["label_counts"]) == (0, None, None)
    assert run("stats", "none").status == 0
    write_idx(tmp_path / "labels", np.zeros(0, np.uint8))
    assert run("stats", "labels").status == 0


def test_other_files(run: Run, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "digits")
    images, labels = data["train"]
    np.save(tmp_path / "images.npy", images)
    one = run("stats", "images.npy", "--json").json["splits"]["all"]
    assert (one["examples"], one["label_counts"]) == (30, None)
    np.savez(tmp_path / "all.npz", x_train=images, y_train=labels)
    told = run("stats", "all.npz", "--json").json
    assert told["splits"]["train"]["label_counts"] == [10, 10, 10]


@pytest.mark.parametrize("what", ["nothing.gz", "./nothing", "nothign"])
def test_what_is_not_there(run: Run, what: str) -> None:
    result = run("stats", what)
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


def test_damage_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"<html>not found</html>"))
    result = run("stats", "bad.gz", "--json")
    assert (result.status, result.out) == (1, "")
    assert "HTML" in result.err


@pytest.mark.parametrize("flag", ["--labels", "--member"])
def test_what_goes_with_a_file_only(run: Run, tmp_path: Path, flag: str) -> None:
    write_folder(tmp_path / "digits")
    result = run("stats", "digits", flag, "x")
    assert result.status == 1
    assert f"{flag} goes with a single file" in result.err


def test_hostile_names(run: Run, tmp_path: Path) -> None:
    write_idx(tmp_path / "a\x1b[31m[bold]", np.zeros((2, 2, 2), np.uint8))
    result = run("stats", "a\x1b[31m[bold]")
    assert result.out.startswith("a?[31m[bold]\n")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    images=arrays.arrays(
        st.sampled_from([np.uint8, np.int16, np.float32]),
        arrays.array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=st.integers(0, 100),
    ),
    size=st.sampled_from([1, 7, 1 << 21]),
)
def test_figures(
    monkeypatch: pytest.MonkeyPatch, images: NDArray[Any], size: int
) -> None:
    monkeypatch.setattr(measures, "_PIECE_SIZE", size)
    done: list[int] = []
    found = pixel_figures(images, advance=done.append)
    assert sum(done) == NUM_PASSES * len(images)
    axes: Any = (0, 1, 2) if images.ndim == 4 and images.shape[3] <= 4 else None
    scaled = images.astype(float) / found.scale
    assert found.scale == (255 if images.dtype == np.uint8 else 1)
    near = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(
        found.mean, np.atleast_1d(scaled.mean(axis=axes)), **near
    )
    np.testing.assert_allclose(found.std, np.atleast_1d(scaled.std(axis=axes)), **near)
    assert (found.minimum, found.maximum) == (images.min(), images.max())
    rows = images.reshape(len(images), -1)
    assert found.blank.tolist() == [
        row for row in range(len(rows)) if len(set(rows[row].tolist())) == 1
    ]


def test_std_of_one_value_is_zero() -> None:
    """By a difference of float64 sums it would not be."""
    found = pixel_figures(np.full((1000, 28, 28), 77, np.uint8))
    assert (found.std, found.mean) == ((0.0,), (77 / 255,))
    assert math.isclose(found.ink, 77)


@given(
    st.lists(st.integers(0, 5), max_size=20),
    st.lists(st.integers(0, 5), max_size=20),
    st.integers(0, 2),
)
def test_repeats_are_those_of_a_dict(
    first: list[int], second: list[int], spread: int
) -> None:
    """Rows are numbers; labels differ with the place, by `spread`."""
    digests, others = (
        row_digests(np.array(values, np.uint8).reshape(-1, 1))
        for values in (first, second)
    )
    labels, other_labels = (
        np.arange(len(values)) * spread % NUM_CLASSES for values in (first, second)
    )
    assert first_equal(digests).tolist() == [first.index(value) for value in first]
    pairs = [(row, first.index(value)) for row, value in enumerate(first)]
    pairs = [(row, earlier) for row, earlier in pairs if earlier < row]
    found = repeats(digests, labels)
    assert (found.count, found.pairs) == (len(pairs), tuple(pairs[:5]))
    assert found.num_conflicts == sum(labels[a] != labels[b] for a, b in pairs)
    assert repeats(digests, None).num_conflicts is None
    both = [(r, second.index(v)) for r, v in enumerate(first) if v in second]
    found = overlap(digests, others, labels, other_labels)
    assert (found.count, found.pairs) == (len(both), tuple(both[:5]))
    assert found.num_conflicts == sum(labels[a] != other_labels[b] for a, b in both)
