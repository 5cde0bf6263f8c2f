"""write_content(): examples to a file or a folder of any format, whole or not at all."""

import errno
import os
import shutil
from pathlib import Path
from typing import Literal, get_args

from idxdata.atomic import temporary_sibling
from idxdata.errors import FormatError, PathLike
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

    Appears whole or not at all. What is there already is replaced with `force` only,
    and a folder only if what was written there before is all it holds: a folder with
    other files is never touched.

    Raises `FileExistsError` without `force`, `FormatError` for what the format does not
    hold, `OSError` as writing does, `MissingFrameworkError`.
    """
    final = Path(path)
    if format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: expected one of {FORMATS}")
    if final.exists() and not force:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    if not is_folder(content, format):
        if final.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        final.parent.mkdir(parents=True, exist_ok=True)
        _write_file(content, final, format)
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    part = temporary_sibling(final)
    try:
        _write_folder(content, part, format)
        if final.exists():
            _remove_own(final)
        os.rename(part, final)
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


_OURS = (".png", ".parquet", ".gz", ".csv", ".txt")


def _remove_own(folder: Path) -> None:
    """Delete a folder that holds nothing but what is written here."""
    if not folder.is_dir() or folder.is_symlink():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    for path in folder.rglob("*"):
        is_ours = path.suffix in _OURS or "-idx" in path.name
        if path.is_symlink() or (path.is_file() and not is_ours):
            raise FormatError(
                "a folder with other files is not replaced",
                path=folder,
                found=path.relative_to(folder),
                hint="name another folder, or delete this one yourself",
            )
    shutil.rmtree(folder)
