"""write_content(): examples to a file or a folder of any format, whole or not at all."""

import os
import re
from pathlib import Path
from typing import Literal, get_args

from idxdata.errors import FormatError, PathLike
from idxdata.exchange import idx, idx_folder, npy, npz, parquet, pictures
from idxdata.exchange.content import UNNAMED, Content
from idxdata.exchange.npy import described
from idxdata.exchange.publishing import published
from idxdata.progress import waiting_note

Format = Literal["idx", "idx.gz", "npy", "npz", "png", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)
_SHARDED = ("idx", "idx.gz")

_SUFFIXES: tuple[tuple[str, Format], ...] = (
    (".npy", "npy"),
    (".npz", "npz"),
    (".parquet", "parquet"),
    (".png", "png"),
    (".gz", "idx.gz"),
    (".idx", "idx"),
)
_IDX_NAME = re.compile(r".*[-.]idx\d+-\w+|.*-u?(byte|short|int|float|double)")


def guess_format(path: PathLike) -> Format | None:
    """The format that a file's name asks for; None where it does not say."""
    name = os.path.basename(os.fspath(path)).lower()
    for suffix, format in _SUFFIXES:
        if name.endswith(suffix):
            return format
    return "idx" if _IDX_NAME.fullmatch(name) else None


def is_folder(content: Content, format: Format, path: PathLike | None = None) -> bool:
    """Whether `content` becomes a folder in that format, and not one file.

    Pictures do, and in IDX and Parquet what one file cannot hold: of IDX images with
    labels, of both several parts. One part that has a name keeps it as the name of a
    file in a folder, unless `path` is a file's; one array goes into a folder if `path` is
    one, or ends as one does.
    """
    if format in ("npy", "npz"):
        return False
    several = len(content.parts) > 1
    is_file_name = path is not None and guess_format(path) is not None
    is_named = UNNAMED not in content.parts and not is_file_name
    if format == "parquet":
        return several or is_named
    has_labels = any(part.labels is not None for part in content.parts.values())
    looks_so = path is not None and _looks_like_folder(os.fspath(path))
    return format == "png" or several or is_named or has_labels or looks_so


def _looks_like_folder(path: str) -> bool:
    return path.endswith((os.sep, os.altsep or os.sep)) or os.path.isdir(path)


def write_content(
    content: Content,
    path: PathLike,
    format: Format,
    *,
    force: bool = False,
    num_shards: int | None = None,
) -> Content:
    """Write `content` at `path`: a file, or a folder (`is_folder`). Returns what it wrote.

    That is `content`, but for IDX's dtypes (`idx.storable`). Appears whole or not at
    all. With `force` a file is replaced; a folder never is, as it may hold what nobody
    else has: it must not be there, or be empty. Folders above are made. `num_shards`, at
    least 1: IDX files, so many for each array, in a folder.

    Raises `FileExistsError` for what is there, `FormatError` for what the format does not
    hold, a file's name for what becomes a folder, and more shards than examples,
    `HeaderError` for a dtype or a value that IDX does not hold, `OSError` as writing does,
    `MissingFrameworkError`, `ValueError` for another format, and for shards of one that
    has none.
    """
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: expected one of {FORMATS}")
    final = Path(path)
    if num_shards is not None and (format not in _SHARDED or num_shards < 1):
        raise ValueError(
            f"{num_shards} shards of {format}: expected 1 or more, of idx or idx.gz"
        )
    most = max(
        (len(part.data) for part in content.parts.values() if part.data.ndim), default=0
    )
    if num_shards is not None and num_shards > max(most, 1):
        raise FormatError(
            "more shards than examples",
            path=path,
            expected=f"at most {max(most, 1)}",
            found=num_shards,
        )
    to_folder = num_shards is not None or is_folder(content, format, path)
    told = guess_format(final)
    if to_folder and told is not None:
        raise FormatError(
            "what becomes a folder has the name of a file",
            path=path,
            found=described(content),
            hint=f"name a folder, and add --to {format} where the name does not tell",
        )
    if format == "idx" and told == "idx.gz":
        raise FormatError(
            "the name does not go with idx", path=path, expected="no .gz", found=told
        )
    if format in ("idx", "idx.gz"):
        content = idx.storable(content, path)
    # IDX is compressed by the name, which may be any in the end.
    name = f"data.{format}" if format in ("idx", "idx.gz") else final.name
    with published(final, name=name, force=force, is_folder=to_folder) as place:
        if to_folder:
            _write_folder(content, place, format, num_shards)
        else:
            _write_file(content, place, format, final.name)
    return content


def _write_file(content: Content, place: Path, format: Format, name: str) -> None:
    if format == "parquet":
        parquet.write(content, place)
        return
    with waiting_note(f"writing {name}"):
        if format == "npz":
            npz.write(content, place)
        else:
            (npy if format == "npy" else idx).write(_bare(content), place)


def _bare(content: Content) -> Content:
    """One part without its name, for files that have room for an array alone."""
    first, *others = content.parts.values()
    if others or first.labels is not None:
        return content
    return Content({UNNAMED: first}, notices=content.notices)


def _write_folder(
    content: Content, place: Path, format: Format, num_shards: int | None
) -> None:
    if format == "png":
        pictures.write(content, place)
    elif format == "parquet":
        parquet.write(content, place, as_folder=True)
    else:
        with waiting_note("writing IDX files"):
            suffix = ".gz" if format == "idx.gz" else ""
            idx_folder.write(content, place, suffix=suffix, num_shards=num_shards)
