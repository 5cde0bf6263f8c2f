"""Pictures of all sorts become the images that a model is for."""

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata import write_idx
from idxdata.errors import FormatError, IdxDataError
from trainers.image_files import Picture, read_pictures

Image = pytest.importorskip("PIL.Image")

SHAPE = (6, 5)
IMAGES = np.random.default_rng(0).integers(0, 120, (7, *SHAPE), dtype=np.uint8)
ALL = slice(None)


def the_picture(path: Path, shape: tuple[int, int] = SHAPE, **options: Any) -> Picture:
    (picture,) = read_pictures(path, shape, rows=ALL, **options)
    return picture


def saved(path: Path, image: Any, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("rows", [ALL, slice(2, 4), slice(-2, None), slice(9, 12)])
@pytest.mark.parametrize("is_packed", [False, True])
def test_rows_of_idx_files(tmp_path: Path, rows: slice, is_packed: bool) -> None:
    # The name tells nothing.
    path = tmp_path / "digits.png"
    write_idx(path, IMAGES)
    if is_packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    found = read_pictures(path, SHAPE, rows=rows)
    assert [item.row for item in found] == list(range(7))[rows]
    for item, image in zip(found, IMAGES[rows], strict=True):
        assert np.array_equal(item.image, image)
        assert (item.path, item.notices) == (str(path), ())


@pytest.mark.parametrize(
    "array", [IMAGES.astype(np.int16), IMAGES[:, :5], IMAGES[0], IMAGES[..., None]]
)
def test_idx_files_of_something_else(tmp_path: Path, array: NDArray[Any]) -> None:
    path = tmp_path / "x"
    write_idx(path, array)
    with pytest.raises(FormatError, match=r"uint8 of shape \(n, 6, 5\)"):
        read_pictures(path, SHAPE, rows=ALL)


def test_invert(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_idx(path, IMAGES)
    for item, image in zip(
        read_pictures(path, SHAPE, rows=ALL, invert=True), IMAGES, strict=True
    ):
        assert np.array_equal(item.image, 255 - image)


def test_grey_png_of_the_right_size_is_not_changed(tmp_path: Path) -> None:
    found = the_picture(saved(tmp_path / "x", Image.fromarray(IMAGES[0]), format="PNG"))
    assert np.array_equal(found.image, IMAGES[0])
    assert (found.row, found.notices) == (None, ())


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1", "I;16", "CMYK"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.where(IMAGES[0] > 60, 200, 40).astype(np.uint8))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    else:
        image = (
            grey.convert("RGB").convert(mode) if mode == "CMYK" else grey.convert(mode)
        )
    form = "JPEG" if mode == "CMYK" else "PNG"
    found = the_picture(saved(tmp_path / "x", image, format=form, quality=100))
    expected = np.asarray(grey).astype(int)
    if mode == "1":
        expected = np.asarray(image).astype(int) * 255
    assert np.abs(found.image - expected).max() <= (60 if mode == "CMYK" else 1)


def test_transparent_is_paper(tmp_path: Path) -> None:
    ink = np.zeros((*SHAPE, 4), np.uint8)
    ink[2, 3, 3] = 255
    found = the_picture(saved(tmp_path / "x", Image.fromarray(ink), format="PNG"))
    assert found.image[2, 3] == 0
    assert (found.image == 255).sum() == 29
    assert "--invert" in found.notices[0]


def test_transparent_white_strokes_stay_visible(tmp_path: Path) -> None:
    chalk = np.zeros((*SHAPE, 4), np.uint8)
    chalk[2, 3] = 255
    found = the_picture(saved(tmp_path / "x", Image.fromarray(chalk), format="PNG"))
    assert found.image[2, 3] == 255
    assert (found.image == 0).sum() == 29
    assert found.notices == ()


def test_paper_with_transparent_corners_stays_paper(tmp_path: Path) -> None:
    paper = np.full((*SHAPE, 4), 255, np.uint8)
    paper[2, 3, :3] = 0
    paper[0, 0] = 0
    found = the_picture(saved(tmp_path / "x", Image.fromarray(paper), format="PNG"))
    assert (found.image[0, 0], found.image[2, 3]) == (255, 0)


@pytest.mark.parametrize("grey", [0, 77, 255])
@pytest.mark.parametrize("invert", [False, True])
def test_blank_pictures_are_told(tmp_path: Path, grey: int, invert: bool) -> None:
    image = Image.fromarray(np.full(SHAPE, grey, np.uint8))
    path = saved(tmp_path / "x", image, format="PNG")
    assert the_picture(path, invert=invert).notices == ("the picture is blank",)


def test_sizes_are_made_to_fit(tmp_path: Path) -> None:
    """A disc on a wide ground stays round, in the middle."""
    y, x = np.mgrid[:100, :300]
    disc = np.where((y - 50) ** 2 + (x - 150) ** 2 < 40**2, 255, 10).astype(np.uint8)
    path = saved(tmp_path / "x", Image.fromarray(disc), format="PNG")
    found = the_picture(path, (30, 30))
    assert found.image.shape == (30, 30)
    assert found.notices == ("resized from 300 × 100 pixels",)
    # What is added has the ground's colour.
    assert (found.image[[0, -1]] == 10).all()
    rows, columns = np.nonzero(found.image > 130)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 1
    assert rows.mean() == pytest.approx(14.5, abs=0.6)
    assert columns.mean() == pytest.approx(14.5, abs=0.6)


def test_cameras_say_which_side_is_up(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    lying = np.zeros((40, 48), np.uint8)
    lying[:, 40:] = 100  # at its right: at the bottom once it is turned
    image = Image.fromarray(lying)
    path = saved(tmp_path / "x", image, format="JPEG", exif=exif, quality=100)
    found = the_picture(path, (48, 40))
    assert found.notices == ()
    assert found.image[44:].min() > 80
    assert found.image[:36].max() < 20


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.parametrize("length", [8, 20, 40, 60])
def test_pictures_cut_short(tmp_path: Path, length: int) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png()[:length])
    with pytest.raises(FormatError, match="not a sound picture") as caught:
        read_pictures(path, SHAPE, rows=ALL)
    assert caught.value.path == str(path)


def test_every_damaged_byte(tmp_path: Path) -> None:
    """A picture, or one clear error: never another exception."""
    path, content = tmp_path / "x.png", png()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            found = read_pictures(path, SHAPE, rows=ALL)
        except IdxDataError:
            continue
        assert found[0].image.shape == SHAPE


def test_pictures_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = saved(tmp_path / "x", Image.new("1", (10_000, 10_000)), format="PNG")
    with pytest.raises(FormatError, match="DecompressionBomb"):
        read_pictures(path, SHAPE, rows=ALL)


def test_weights_are_no_pictures(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=IMAGES, b=IMAGES)
    with pytest.raises(FormatError) as caught:
        read_pictures(tmp_path / "x.npz", SHAPE, rows=ALL)
    assert "member=" not in str(caught.value)
    assert "weights are the first file" in str(caught.value)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "x.gif"
    Image.fromarray(IMAGES[0]).save(path)
    with pytest.raises(FormatError, match="neither IDX nor PNG nor JPEG"):
        read_pictures(path, SHAPE, rows=ALL)
    with pytest.raises(FileNotFoundError):
        read_pictures(tmp_path / "none", SHAPE, rows=ALL)
    with pytest.raises(IsADirectoryError):
        read_pictures(tmp_path, SHAPE, rows=ALL)
