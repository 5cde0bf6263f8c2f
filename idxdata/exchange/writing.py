"""write_content(): examples to a file or a folder of any format, whole or not at all."""

import errno
import os
import shutil
from pathlib import Path
from typing import Literal, get_args

from idxdata.atomic import temporary_sibling
from idxdata.errors import FormatError, IdxDataError, PathLike
from idxdata.exchange import idx, idx_folder, npy, npz, parquet, pictures
from idxdata.exchange.content import Content

Format = Literal["idx", "idx.gz", "npy", "npz", "png", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


def guess_format(path: PathLike) -> Format | None:
    """The format that a file's name asks for; None where it does not say."""
    name = os.path.basename(os.fspath(path)).lower()
    for suffix, format in (
        (".npy", "npy"),
        (".npz", "npz"),
        (".parquet", "parquet"),
        (".gz", "idx.gz"),
        (".idx", "idx"),
    ):
        if name.endswith(suffix):
            return format  # type: ignore[return-value]
    return "idx" if "idx" in name and name.endswith(("ubyte", "byte", "int")) else None


def is_folder(content: Content, format: Format) -> bool:
    """Whether `content` becomes a folder in that format, and not one file."""
    if format == "png":
        return True
    if format in ("idx", "idx.gz"):
        return content.single is None
    return format == "parquet" and list(content.parts) != [""]


def write_content(
    content: Content, path: PathLike, format: Format, *, force: bool = False
) -> None:
    """Write `content` at `path`: a file, or a folder (`is_folder`).

    Appears whole or not at all. With `force` a file is replaced; a folder never is, as
    it may hold what nobody else has: it must not be there, or be empty.

    Raises `FileExistsError` for what is there, `FormatError` for what the format does not
    hold, `OSError` as writing does, `MissingFrameworkError`.
    """
    final = Path(os.path.abspath(path))
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: expected one of {FORMATS}")
    is_empty = final.is_dir() and not any(final.iterdir())
    if is_folder(content, format):
        if os.path.lexists(final) and not is_empty:
            raise _there_already(path, "a folder is not replaced: name a new one")
        _publish_folder(content, final, format)
        return
    if final.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if os.path.lexists(final) and not force:
        raise _there_already(path, os.strerror(errno.EEXIST))
    final.parent.mkdir(parents=True, exist_ok=True)
    _write_file(content, final, format)


def _there_already(path: PathLike, text: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, text, os.fspath(path))


def _publish_folder(content: Content, final: Path, format: Format) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    part = temporary_sibling(final)
    try:
        _write_folder(content, part, format)
        if final.exists():
            final.rmdir()  # empty, or it fails
        os.rename(part, final)
    except IdxDataError as error:
        # Nobody knows the name that it had until then.
        if error.path is not None and error.path.startswith(str(part)):
            error.path = str(final) + error.path.removeprefix(str(part))
        raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_file(content: Content, path: Path, format: Format) -> None:
    if format in ("idx", "idx.gz"):
        # write_idx compresses by the name.
        if (format == "idx.gz") != (path.suffix == ".gz"):
            raise FormatError(
                f"the name does not go with {format}",
                path=path,
                expected="a name that ends in .gz" if format == "idx.gz" else "no .gz",
            )
        idx.write(content, path)
    elif format == "npy":
        npy.write(content, path)
    elif format == "npz":
        npz.write(content, path)
    else:
        parquet.write(content, path)


def _write_folder(content: Content, path: Path, format: Format) -> None:
    path.mkdir()
    if format == "png":
        pictures.write(content, path)
    elif format == "parquet":
        parquet.write(content, path)
    else:
        idx_folder.write(content, path, suffix=".gz" if format == "idx.gz" else "")
