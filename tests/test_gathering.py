"""Gatherer: any format of any rows, NumPy's bits; what it refuses."""

import math
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata.augmentation import Augmentation
from idxdata.errors import DatasetError
from idxdata.formats import BatchFormat
from idxdata.gathering import Gatherer
from idxdata.split import Split

DOCUMENT = Path(__file__).parents[1] / "docs" / "batches.md"
RANDOM = np.random.default_rng(3)
SHAPES = {
    "flat": (20, 5),
    "grey": (20, 3, 5),
    "two": (20, 3, 5, 2),
    "colour": (20, 3, 5, 3),
    "volume": (20, 2, 3, 4, 2),
}
IMAGES = {
    name: RANDOM.integers(0, 256, shape, dtype=np.uint8)
    for name, shape in SHAPES.items()
}


def convert_of_the_document() -> Any:
    """The function that docs/batches.md gives as the rule."""
    found = re.search(
        r"```python\n(import numpy.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own document
    return names["convert"]


def filled(
    gatherer: Gatherer, indices: NDArray[np.int64], **key: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    images = np.full((len(indices), *gatherer.image_shape), 99, gatherer.image_dtype)
    labels = np.full((len(indices), *gatherer.label_shape), 99, gatherer.label_dtype)
    gatherer.fill(indices, images, labels, **({"seed": 0, "epoch": 0} | key))
    return images, labels


def laid_out(images: NDArray[Any], layout: str) -> NDArray[Any]:
    if layout == "flat":
        return images.reshape(len(images), math.prod(images.shape[1:]))
    if layout == "stored":
        return images
    last = images if images.ndim == 4 else images[..., None]
    return last if layout == "nhwc" else last.transpose(0, 3, 1, 2)


@given(
    kind=st.sampled_from(list(SHAPES)),
    pixels=st.sampled_from(["uint8", "unit", "standard"]),
    layout=st.sampled_from(["stored", "flat", "nhwc", "nchw"]),
    each=st.booleans(),
    rows=st.lists(st.integers(0, 19), max_size=8),
)
def test_any_format_has_the_documents_bits(
    kind: str, pixels: Any, layout: Any, each: bool, rows: list[int]
) -> None:
    images = IMAGES[kind]
    channels = images.shape[-1] if images.ndim == 4 else 1
    mean: Any = tuple(0.1 + 0.1 * c for c in range(channels)) if each else 0.1307
    std: Any = tuple(0.3 + 0.1 * c for c in range(channels)) if each else 0.3081
    options = {"mean": mean, "std": std} if pixels == "standard" else {}
    chosen = BatchFormat(pixels=pixels, layout=layout, **options)
    split = Split(images, np.arange(20))
    if layout in ("nhwc", "nchw") and images.ndim not in (3, 4):
        with pytest.raises(DatasetError, match=layout):
            Gatherer(split, chosen)
        return
    indices = np.array(rows, np.int64)
    found, labels = filled(Gatherer(split, chosen), indices)
    wanted = convert_of_the_document()(images[indices], pixels, **options)
    wanted = laid_out(wanted, layout)
    assert found.dtype == wanted.dtype
    assert np.array_equal(found, wanted)
    assert np.array_equal(labels, indices)


def test_all_byte_values_have_the_documents_bits() -> None:
    # Long enough for the loops with vectors in them.
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    split = Split(images, np.zeros(1, np.uint8))
    convert = convert_of_the_document()
    for options in (
        {"pixels": "unit"},
        {"pixels": "standard", "mean": 0.1307, "std": 0.3081},
    ):
        found, _ = filled(
            Gatherer(split, BatchFormat(**options)), np.zeros(1, np.int64)
        )  # type: ignore[arg-type]
        assert np.array_equal(found, convert(images, **options))
    # The rule is not the multiplication that some take it for.
    unit = images / np.float32(255)
    assert (unit != images * np.float32(1 / 255)).sum() == 126


@pytest.mark.parametrize("kind", ["colour", "two"])
def test_planes_of_wide_images(kind: str) -> None:
    depth = SHAPES[kind][-1]
    images = RANDOM.integers(0, 256, (3, 13, 17, depth), dtype=np.uint8)
    split = Split(images, np.zeros(3, np.uint8))
    for pixels, divisor in (("uint8", 1), ("unit", np.float32(255))):
        gatherer = Gatherer(split, BatchFormat(pixels=pixels, layout="nchw"))  # type: ignore[arg-type]
        found, _ = filled(gatherer, np.array([2, 0]))
        wanted = images[[2, 0]].transpose(0, 3, 1, 2)
        assert np.array_equal(found, wanted / divisor)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", ">i2", ">i4", "i8", ">i8", "u8"])
def test_labels_of_any_dtype(dtype: str) -> None:
    stored = np.array([3, 0, 6, 2], dtype)
    split = Split(np.zeros((4, 2), np.uint8), stored)
    rows = np.array([2, 2, 0, 1])
    for name in ("int64", "int32"):
        _, labels = filled(Gatherer(split, BatchFormat(labels=name)), rows)  # type: ignore[arg-type]
        assert labels.dtype == name
        assert labels.tolist() == [6, 6, 3, 0]
    _, hot = filled(Gatherer(split, BatchFormat(labels="one_hot", num_classes=7)), rows)
    assert hot.dtype == np.float32
    assert np.array_equal(hot, np.eye(7, dtype=np.float32)[[6, 6, 3, 0]])


@pytest.mark.parametrize(
    ("labels", "options", "at"),
    [
        (np.array([0, 2**31, 2**40]), {"labels": "int32"}, 1),
        (np.array([0, -(2**31) - 1]), {"labels": "int32"}, 1),
        (np.array([0, 1, 2**63], np.uint64), {}, 2),
        (np.array([0, 1, 2**64 - 1], np.uint64), {"labels": "int32"}, 2),
        (np.array([9, 1, 10]), {"labels": "one_hot", "num_classes": 10}, 2),
        (np.array([-1, 1], np.int8), {"labels": "one_hot", "num_classes": 10}, 0),
    ],
)
def test_labels_that_do_not_fit(
    labels: NDArray[Any], options: dict[str, Any], at: int
) -> None:
    split = Split(np.zeros((len(labels), 2), np.uint8), labels)
    with pytest.raises(DatasetError) as caught:
        Gatherer(split, BatchFormat(**options))
    assert caught.value.found == f"{labels[at]} for example {at}"


def test_data_is_not_copied_where_it_need_not_be() -> None:
    images, labels = np.ones((4, 2, 3), np.uint8), np.arange(4, dtype=np.int16)
    gatherer = Gatherer(Split(images, labels), BatchFormat())
    images[1] = 255
    labels[1] = 7
    found, numbers = filled(gatherer, np.array([1]))
    assert found.min() == 1
    assert numbers[0] == 7
    assert images.flags.writeable


@pytest.mark.parametrize("kind", ["strided", "read-only", "fortran"])
def test_any_array_layout(kind: str) -> None:
    images = IMAGES["grey"]
    if kind == "strided":
        images = np.repeat(images, 2, axis=2)[:, :, ::2]
    elif kind == "read-only":
        images = images.copy()
        images.flags.writeable = False
    else:
        images = np.asfortranarray(images)
    gatherer = Gatherer(Split(images, np.arange(20)), BatchFormat(pixels="uint8"))
    found, _ = filled(gatherer, np.arange(20))
    assert np.array_equal(found, IMAGES["grey"])


def test_what_it_refuses() -> None:
    with pytest.raises(DatasetError) as caught:
        Gatherer(Split(np.zeros((2, 3), np.int16), np.arange(2)), BatchFormat())
    assert (caught.value.expected, caught.value.found) == ("uint8", "int16")
    split = Split(IMAGES["colour"], np.arange(20))
    two = BatchFormat(pixels="standard", mean=(0.0, 0.0), std=1.0)
    with pytest.raises(DatasetError) as caught:
        Gatherer(split, two)
    assert caught.value.found == 2
    volume = Split(IMAGES["volume"], np.arange(20))
    with pytest.raises(DatasetError, match="augmented"):
        Gatherer(volume, BatchFormat(), Augmentation(shift=1))


def test_images_without_a_pixel() -> None:
    options = {"pixels": "standard", "mean": 0.5, "std": 0.5}
    for shape in ((4, 0), (4, 3, 0), (4, 0, 3, 2), (4, 2, 3, 0)):
        split = Split(np.zeros(shape, np.uint8), np.arange(4))
        for layout in ("flat",) if len(shape) == 2 else ("nchw", "nhwc", "flat"):
            gatherer = Gatherer(split, BatchFormat(layout=layout, **options))  # type: ignore[arg-type]
            images, labels = filled(gatherer, np.array([2, 1]))
            assert images.size == 0
            assert labels.tolist() == [2, 1]
        with pytest.raises(DatasetError, match="augmented"):
            Gatherer(split, BatchFormat(), Augmentation(erase=(1, 1)))


@pytest.mark.parametrize("row", [-1, 20, 2**62])
@pytest.mark.parametrize("options", [{}, {"labels": "one_hot", "num_classes": 20}])
def test_rows_that_are_not_there(row: int, options: dict[str, Any]) -> None:
    gatherer = Gatherer(Split(IMAGES["grey"], np.arange(20)), BatchFormat(**options))
    with pytest.raises(IndexError, match=f"row {row} "):
        filled(gatherer, np.array([3, row, 4]))


def test_arrays_that_do_not_fit() -> None:
    gatherer = Gatherer(Split(IMAGES["grey"], np.arange(20)), BatchFormat())
    rows, labels = np.array([1, 2]), np.zeros(2, np.int64)
    images = np.zeros((2, 3, 5), np.float32)
    for bad in (
        (rows, images[:1], labels),
        (rows, images.astype(np.float64), labels),
        (rows, np.zeros((2, 5, 3), np.float32).transpose(0, 2, 1), labels),
        (rows, images, labels[:1]),
        (rows, images, labels.astype(np.int32)),
        (rows.astype(np.int32), images, labels),
        (np.array([[1, 2]]), images, labels),
    ):
        with pytest.raises(ValueError, match="expected C-contiguous"):
            gatherer.fill(*bad, seed=0, epoch=0)
    for array in (images, labels):
        array.flags.writeable = False
        with pytest.raises(ValueError, match="expected C-contiguous, writable"):
            gatherer.fill(rows, images, labels, seed=0, epoch=0)
        array.flags.writeable = True
    gatherer.fill(rows, images, labels, seed=0, epoch=0)


def test_threads_do_not_disturb_each_other() -> None:
    images = RANDOM.integers(0, 256, (40, 8, 9), dtype=np.uint8)
    augmentation = Augmentation(rotate=20, shift=1, elastic=(8, 2), erase=(0.5, 0.5))
    gatherer = Gatherer(
        Split(images, np.arange(40)), BatchFormat(pixels="uint8"), augmentation
    )
    parts = [np.arange(40)[np.arange(40) % 8 == part] for part in range(8)]
    alone = [filled(gatherer, part)[0] for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            together = list(pool.map(lambda part: filled(gatherer, part)[0], parts))
            assert all(map(np.array_equal, alone, together))


def test_a_pickled_gatherer_gives_the_same() -> None:
    gatherer = Gatherer(
        Split(IMAGES["grey"], np.arange(20)), BatchFormat(), Augmentation(shift=2)
    )
    rows = np.arange(5)
    again = pickle.loads(pickle.dumps(gatherer))
    assert np.array_equal(filled(gatherer, rows)[0], filled(again, rows)[0])
