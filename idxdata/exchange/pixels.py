"""Single pictures: encoded bytes to pixels and back, made grey, resized, inverted.

Pillow decodes. Of what it would pass over or do in silence, this is refused: pictures
that would fill the memory, damaged ones, animations, and 16 bits cut down to 8.
"""

import io
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.errors import (
    FormatError,
    IdxDataError,
    MissingFrameworkError,
    PathLike,
)
from idxdata.png import encode_png

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
LOOK_NBYTES = len(PNG)

_CHUNK_NBYTES = 12  # without its data
_BIT_DEPTH_AT = 24  # in a PNG's first chunk
_CHANNELS = (3, 4)
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """How pictures become arrays of one shape.

    `size`: (height, width) to be resized to, the ratio of the sides kept, centred on
    ground of the border's colour; None: all must have one size. Each new pixel is the
    mean of the old ones it covers (Pillow's BOX): no ringing beside strokes, as LANCZOS
    would give, and enlarged by whole numbers no new values. `grey`: one channel; what
    is transparent becomes what strokes stand out from. `invert`: swaps black and white,
    for dark ink on light paper.
    """

    size: tuple[int, int] | None = None
    grey: bool = False
    invert: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether pictures stay as they are."""
        return self.size is None and not self.grey and not self.invert


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with `head` is a PNG or JPEG picture."""
    return head.startswith((PNG, JPEG))


def import_pillow() -> Any:
    """Raises `MissingFrameworkError`."""
    try:
        import PIL.Image
    except ModuleNotFoundError as error:
        raise MissingFrameworkError("pillow", "pictures") from error
    return PIL.Image


@contextmanager
def opened_picture(data: bytes, path: PathLike) -> Iterator[Any]:
    """The picture in `data` as Pillow's, upright as its camera was held.

    What goes wrong in the block, too, is taken for the picture's fault. Raises
    `FormatError` that names `path` for what is no sound PNG or JPEG, would take
    hundreds of megabytes, or moves; `MissingFrameworkError`. Not for threads.
    """
    image = import_pillow()
    from PIL import ImageOps

    with warnings.catch_warnings():
        warnings.simplefilter("error", image.DecompressionBombWarning)
        try:
            if data.startswith(PNG):
                _check_chunks(data)
            with image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
                # Cameras put previews into JPEG files as further frames.
                if opened.format == "PNG" and getattr(opened, "n_frames", 1) > 1:
                    raise FormatError("an animation, not one picture", path=path)
                yield ImageOps.exif_transpose(opened)
        except IdxDataError:
            raise
        # A damaged picture makes Pillow raise nearly everything there is.
        except Exception as error:
            raise FormatError(
                "not a sound picture",
                path=path,
                found=f"{type(error).__name__}: {error}",
            ) from error


def _check_chunks(data: bytes) -> None:
    """Refuse a PNG whose chunks are damaged: Pillow takes pixels without their CRC-32.

    What follows the last chunk is of no account. Source: PNG specification, 5.3.
    """
    at, kind = len(PNG), b""
    while kind != b"IEND":
        nbytes = int.from_bytes(data[at : at + 4])
        end = at + _CHUNK_NBYTES + nbytes
        kind = data[at + 4 : at + 8]
        if end > len(data):
            raise ValueError(f"cut short at byte {len(data)}")
        expected = int.from_bytes(data[end - 4 : end])
        if zlib.crc32(memoryview(data)[at + 4 : end - 4]) != expected:
            raise ValueError(f"CRC-32 of the chunk at byte {at} does not match")
        at = end


def decoded(data: bytes, path: PathLike, options: PictureOptions) -> NDArray[np.uint8]:
    """The picture in `data`: uint8 (h, w), (h, w, 3) or, where it has alpha, (h, w, 4).

    Black and white is 0 and 255; palettes and CMYK become RGB. Raises what
    `opened_picture` does, and `FormatError` for 16 bits that are not to be made grey.
    """
    with opened_picture(data, path) as picture:
        has_16_bits = data.startswith(PNG) and data[_BIT_DEPTH_AT] == 16
        if has_16_bits and not options.grey:
            raise FormatError(
                "a picture of 16 bits",
                path=path,
                expected="8 bits",
                hint="made grey (--grey, grey=True) it has 8",
            )
        return to_pixels(picture, options)


def to_pixels(picture: Any, options: PictureOptions) -> NDArray[np.uint8]:
    """Pillow's picture as a fresh array, after `options`."""
    picture = _grey(picture) if options.grey else _plain(picture)
    if options.size is not None:
        picture = _fitted(picture, options.size)
    pixels = np.array(picture, np.uint8)
    return _inverted(pixels, picture.mode == "RGBA") if options.invert else pixels


def _inverted(pixels: NDArray[np.uint8], has_alpha: bool) -> NDArray[np.uint8]:
    """Black and white swapped; how opaque it is, the last channel, stays."""
    result = 255 - pixels
    if has_alpha:
        result[..., 3] = pixels[..., 3]
    return result


def _plain(picture: Any) -> Any:
    """As L, RGB or RGBA, whichever loses nothing."""
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _grey(picture: Any) -> Any:
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        high = np.asarray(picture).astype(np.int64) >> 8
        return Image.fromarray(high.clip(0, 255).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, _ground(picture))
        picture = Image.alpha_composite(ground, picture)
    return picture.convert("L")


def _ground(picture: Any) -> str:
    """White or black: what strokes stand out from; of paper with holes its own."""
    weight = np.asarray(picture.getchannel("A")) / 255.0
    drawn = np.asarray(picture.convert("RGB").convert("L"))
    is_bright = (drawn * weight).sum() >= 128 * weight.sum()
    is_strokes = weight.mean() < 0.5
    return "black" if is_bright == is_strokes else "white"


def _fitted(picture: Any, size: tuple[int, int]) -> Any:
    from PIL import Image

    height, width = size
    if picture.size == (width, height):
        return picture
    scale = min(width / picture.width, height / picture.height)
    inner = (
        min(width, max(1, round(picture.width * scale))),
        min(height, max(1, round(picture.height * scale))),
    )
    ground = tuple(border(np.asarray(picture)).astype(int).tolist())
    resized = picture.resize(inner, Image.Resampling.BOX)
    if inner == (width, height):
        return resized
    fitted = Image.new(
        picture.mode, (width, height), ground if len(ground) > 1 else ground[0]
    )
    fitted.paste(resized, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return fitted


def border(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The median of the pixels at the four sides, of each channel: (channels,)."""
    channels = image.reshape(*image.shape[:2], -1)
    sides = (channels[0], channels[-1], channels[:, 0], channels[:, -1])
    return np.asarray(np.median(np.concatenate(sides), axis=0))


def checked_images(images: NDArray[Any], path: PathLike) -> NDArray[np.uint8]:
    """`images` if PNG holds them: uint8 (n, h, w), (n, h, w, 3) or (n, h, w, 4).

    Raises `FormatError` if not, and for no images, whose size no picture could keep.
    """
    is_picture = images.ndim == 3 or (images.ndim == 4 and images.shape[3] in _CHANNELS)
    if images.dtype == np.uint8 and is_picture and images.size:
        return images
    hint = "idx, npy and npz hold other numbers and shapes"
    if images.ndim == 4 and images.shape[3] == 1:
        hint = "of one channel, leave out the last dim: images[..., 0]"
    elif images.ndim == 4 and images.shape[1] in _CHANNELS:
        hint = "channels come last: images.transpose(0, 2, 3, 1)"
    raise FormatError(
        "PNG does not hold these images",
        path=path,
        expected="uint8 of shape (n, h, w), (n, h, w, 3) or (n, h, w, 4)",
        found=f"{images.dtype.name} of shape {images.shape}",
        hint=hint,
    )


def altered(
    images: NDArray[Any], options: PictureOptions, path: PathLike
) -> NDArray[np.uint8]:
    """Images of an array after `options`; pixels in a row are given the `size` first.

    (n, height * width) is taken for (n, height, width). Raises `FormatError` for other
    than uint8 images.
    """
    if options.size is not None and images.ndim == 2:
        height, width = options.size
        if images.shape[1] == height * width:
            images = images.reshape(len(images), height, width)
    images = checked_images(images, path)
    has_size = options.size is None or options.size == images.shape[1:3]
    if has_size and (not options.grey or images.ndim == 3):
        has_alpha = images.ndim == 4 and images.shape[3] == 4
        return _inverted(images, has_alpha) if options.invert else images
    image = import_pillow()
    first = to_pixels(image.fromarray(images[0]), options)
    result = np.empty((len(images), *first.shape), np.uint8)
    for number, one in enumerate(images):
        result[number] = to_pixels(image.fromarray(one), options)
    return result


def encoded(image: NDArray[np.uint8]) -> bytes:
    """The PNG file of a uint8 image (h, w), (h, w, 3) or (h, w, 4).

    Raises `MissingFrameworkError` for colours: Pillow's filters make them smaller.
    """
    if image.ndim == 2:
        return encode_png(image, level=_LEVEL)
    file = io.BytesIO()
    import_pillow().fromarray(image).save(file, "PNG")
    return file.getvalue()
