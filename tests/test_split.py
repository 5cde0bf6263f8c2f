"""What people expect of a split and a dataset: slices, ways out, pictures at the prompt."""

import base64
import io
import pickle
import re
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Batches, BatchFormat, Dataset, DatasetError, Plan, Split
from idxdata.png import encode_png
from tests.strategies import Array

COUNT = 20
IMAGES = np.random.default_rng(1).integers(0, 256, (COUNT, 5, 4), np.uint8)
LABELS = (np.arange(COUNT) % 3).astype(np.uint8)
WRITERS = np.arange(COUNT, dtype=np.int32) * 7
SPLIT = Split(IMAGES, LABELS, {"writer_id": WRITERS})
DATA = Dataset("few", SPLIT, SPLIT[:6], ("a", "b", "c"))


def same(split: Split, rows: Array | slice) -> None:
    assert np.array_equal(split.images, IMAGES[rows])
    assert np.array_equal(split.labels, LABELS[rows])
    assert np.array_equal(split.attributes["writer_id"], WRITERS[rows])


# Rows


@given(st.slices(COUNT))
def test_slices_are_views(rows: slice) -> None:
    if not len(range(COUNT)[rows]):
        with pytest.raises(DatasetError, match="no examples"):
            SPLIT[rows]
        return
    part = SPLIT[rows]
    same(part, rows)
    assert np.shares_memory(part.images, IMAGES)


@given(st.lists(st.integers(-COUNT, COUNT - 1), min_size=1))
def test_lists_of_rows_are_copies(rows: list[int]) -> None:
    for chosen in (rows, np.array(rows)):
        part = SPLIT[chosen]
        same(part, np.array(rows))
        assert not np.shares_memory(part.images, IMAGES)


def test_booleans_choose_rows() -> None:
    same(SPLIT[LABELS == 1], LABELS == 1)


@given(st.integers(-COUNT, COUNT - 1))
def test_one_row_is_an_image_and_its_label(row: int) -> None:
    for number in (row, np.int64(row)):
        image, label = SPLIT[number]  # type: ignore[index,misc]
        assert np.array_equal(image, IMAGES[row])
        assert label == LABELS[row]
        assert type(label) is int


@pytest.mark.parametrize("row", [COUNT, -COUNT - 1])
def test_a_row_that_is_not_there(row: int) -> None:
    with pytest.raises(IndexError):
        SPLIT[row]


@pytest.mark.parametrize("rows", [1.0, "3", None])
def test_rows_of_another_kind(rows: object) -> None:
    with pytest.raises((TypeError, IndexError)):
        SPLIT[rows]  # type: ignore[call-overload]


def test_iteration_and_length() -> None:
    pairs = list(SPLIT)
    assert len(pairs) == len(SPLIT) == COUNT
    assert all(np.array_equal(pairs[i][0], IMAGES[i]) for i in range(COUNT))
    assert [label for _, label in pairs] == LABELS.tolist()


def test_attributes_go_with_the_labels() -> None:
    with pytest.raises(DatasetError, match="writer") as caught:
        Split(IMAGES, LABELS, {"writer": WRITERS[:-1]})
    assert caught.value.found == "shape (19,)"
    with pytest.raises(TypeError):
        SPLIT.attributes["more"] = WRITERS  # type: ignore[index]


def test_pickled_with_all_there_is() -> None:
    again = pickle.loads(pickle.dumps(DATA))
    same(again.train, slice(None))
    assert list(again.splits) == ["train", "test"]
    assert again.digests == DATA.digests


# Ways out


def test_to_numpy_is_what_is_stored() -> None:
    images, labels = SPLIT.to_numpy()
    assert images is SPLIT.images
    assert labels is SPLIT.labels


@pytest.mark.parametrize(
    "form",
    [
        {"layout": "flat"},
        {"pixels": "uint8", "labels": "int32"},
        {"layout": "nchw", "labels": "one_hot", "num_classes": 3},
    ],
)
def test_to_numpy_converts_as_batches_do(form: dict[str, object]) -> None:
    plan = Plan(COUNT, COUNT, seed=0, order="sequential")
    batch = Batches(SPLIT, plan, format=BatchFormat(**form)).batch(0, 0)  # type: ignore[arg-type]
    images, labels = SPLIT.to_numpy(**form)
    for whole, part in ((images, batch.images), (labels, batch.labels)):
        assert whole.dtype == part.dtype
        assert np.array_equal(whole, part)


def test_x_y_as_scikit_learn_takes_them() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    x, y = SPLIT.to_xy()
    assert (x.shape, x.dtype, y.dtype) == ((COUNT, 20), np.float32, np.int64)
    assert np.array_equal(x, (IMAGES.reshape(COUNT, -1) / np.float32(255)))
    assert KNeighborsClassifier(1).fit(x, y).score(x, y) == 1
    floats = Split(IMAGES.astype("f8") / 7, LABELS)
    assert np.array_equal(floats.to_xy()[0], floats.images.reshape(COUNT, -1))


def test_to_torch() -> None:
    torch = pytest.importorskip("torch")
    images, labels = SPLIT.to_torch()
    assert (images.dtype, images.shape) == (torch.float32, (COUNT, 1, 5, 4))
    assert labels.dtype == torch.int64
    torch.nn.functional.cross_entropy(torch.nn.Flatten()(images)[:, :3], labels)
    assert SPLIT.to_torch(pixels="uint8", layout="stored")[0].shape == IMAGES.shape
    expected, _ = SPLIT.to_numpy(layout="nchw")
    assert np.array_equal(images.numpy(), expected)


def test_to_tf() -> None:
    tf = pytest.importorskip("tensorflow")
    images, labels = SPLIT.to_tf()
    assert (images.dtype, images.shape) == (tf.float32, (COUNT, 5, 4, 1))
    assert labels.dtype == tf.int64
    expected, _ = SPLIT.to_numpy(layout="nhwc")
    assert np.array_equal(images.numpy(), expected)


def test_to_jax() -> None:
    pytest.importorskip("jax")
    images, labels = SPLIT.to_jax()
    assert (images.shape, str(labels.dtype)) == ((COUNT, 5, 4, 1), "int32")
    expected, _ = SPLIT.to_numpy(layout="nhwc")
    assert np.array_equal(np.asarray(images), expected)
    with pytest.raises(ValueError, match="int64"):
        SPLIT.to_jax(labels="int64")


def test_unknown_words_of_a_format() -> None:
    for way in (SPLIT.to_numpy, SPLIT.to_torch, SPLIT.to_tf, SPLIT.to_jax):
        with pytest.raises(TypeError):
            way(colour="red")
        with pytest.raises(ValueError, match="layout"):
            way(layout="round")


def test_as_frame() -> None:
    pd = pytest.importorskip("pandas")
    frame = SPLIT.as_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns[:2]) == ["pixel_0_0", "pixel_0_1"]
    assert list(frame.columns[-2:]) == ["label", "writer_id"]
    assert np.array_equal(frame.iloc[:, :20], IMAGES.reshape(COUNT, -1))
    assert frame["label"].dtype == np.uint8
    assert frame.groupby("label").size().tolist() == [7, 7, 6]
    frame.iloc[0, 0] ^= 1
    assert frame.iloc[0, 0] != IMAGES[0, 0, 0]


def test_as_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=re.escape("idxdata[frame]")):
        SPLIT.as_frame()


# A dataset's splits


def test_other_splits_and_none() -> None:
    data = Dataset("many", SPLIT, None, DATA.classes, extra={"dig": SPLIT[:3]})
    assert list(data.splits) == ["train", "dig"]
    assert list(data.extra) == ["dig"]
    assert list(data.digests) == ["train-images", "train-labels"]
    with pytest.raises(DatasetError, match="no test split"):
        data.test  # noqa: B018
    with pytest.raises(TypeError):
        data.splits["test"] = SPLIT  # type: ignore[index]


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        (Split(IMAGES[:, 1:], LABELS), "dig images differ from train images"),
        (Split(IMAGES, LABELS + np.uint8(1)), "dig label out of range"),
    ],
)
def test_other_splits_are_checked_too(extra: Split, what: str) -> None:
    with pytest.raises(DatasetError, match=what):
        Dataset("many", SPLIT, None, DATA.classes, extra={"dig": extra})


# At the prompt and in notebooks


def test_what_they_look_like_at_the_prompt() -> None:
    assert repr(SPLIT) == "<Split: 20 images of 5×4 uint8, labels uint8>"
    assert repr(DATA).splitlines() == [
        "<Dataset few: 3 classes: a, b, c",
        "  train  20 images of 5×4 uint8, labels uint8",
        "  test   6 images of 5×4 uint8, labels uint8>",
    ]
    many = Dataset("many", SPLIT, None, tuple(map(str, range(47))))
    assert "47 classes: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …, 46" in repr(many)


def pictures(page: str) -> list[Array]:
    from PIL import Image

    found = re.findall(r"data:image/png;base64,([^\"]+)", page)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one)))) for one in found]


def test_pictures_in_a_notebook() -> None:
    sheets = pictures(DATA._repr_html_())
    assert len(sheets) == 2
    # A column a class, the first examples from above.
    for column in range(3):
        first = np.flatnonzero(LABELS == column)
        for row in range(2):
            image = sheets[0][row * 6 : row * 6 + 5, column * 5 : column * 5 + 4]
            assert np.array_equal(image, IMAGES[first[row]])


def test_names_cannot_break_the_page() -> None:
    data = Dataset("<script>", SPLIT, None, ("<b>", "b", "c"))
    page = data._repr_html_()
    assert "<script>" not in page
    assert "<b>," not in page


@pytest.mark.parametrize(
    "images", [IMAGES.astype("f4"), IMAGES.reshape(COUNT, 20), IMAGES[:, :0]]
)
def test_what_is_no_picture_is_only_described(images: Array) -> None:
    assert pictures(Split(images, LABELS)._repr_html_()) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_with_channels(channels: int) -> None:
    images = np.repeat(IMAGES[..., None], channels, 3)
    (sheet,) = pictures(Split(images, LABELS)._repr_html_())
    assert np.array_equal(sheet[:5, :4].reshape(5, 4, -1)[..., 0], IMAGES[0])


def test_millions_of_labels_are_not_all_read() -> None:
    class Watched(np.ndarray):  # type: ignore[type-arg]
        most = 0

        def __getitem__(self, key: object) -> object:
            found = super().__getitem__(key)
            Watched.most = max(Watched.most, np.size(found))
            return found

    from idxdata.display import split_html

    labels = np.zeros(1_000_000, np.uint8).view(Watched)
    images = np.broadcast_to(IMAGES[:1], (1_000_000, 5, 4))
    assert "1,000,000 images" in split_html(images, labels)
    assert 0 < Watched.most <= 20_000


# PNG


@given(
    st.integers(1, 9), st.integers(1, 9), st.sampled_from([(), (3,)]), st.integers(0, 9)
)
def test_png_is_read_back(
    height: int, width: int, channels: tuple[int, ...], level: int
) -> None:
    from PIL import Image

    shape = (height, width, *channels)
    image = np.resize(IMAGES.ravel(), shape)
    found = Image.open(io.BytesIO(encode_png(image, level=level)))
    assert found.size == (width, height)
    assert np.array_equal(np.asarray(found), image)


@pytest.mark.parametrize(
    "image",
    [IMAGES[0].astype("f4"), IMAGES[0][:0], IMAGES[0][0], np.zeros((2, 2, 4), "u1")],
)
def test_what_png_does_not_hold(image: Array) -> None:
    with pytest.raises(ValueError, match=r"picture"):
        encode_png(image)
