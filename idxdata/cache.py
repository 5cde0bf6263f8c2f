"""The cache: an IDX file decoded once, then memory-mapped.

A folder with one directory an entry: `data.npy` (native byte order, data begins
on a 64-byte boundary) and `meta.json`. An entry is published by one rename, so it
is there whole or not at all. It is found by the source's real path, size, times and
inode, without reading the source.
"""

import hashlib
import io
import json
import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import temporary_sibling
from idxdata.dtypes import DType, to_native
from idxdata.errors import CacheError, PathLike
from idxdata.header import Header, build_header
from idxdata.payload import IdxSource, open_source

FORMAT_VERSION = 1
ENVIRONMENT_VARIABLE = "IDXDATA_CACHE"

_CHUNK_NBYTES = 1 << 20


def default_folder() -> Path:
    """`IDXDATA_CACHE` if set, else `idxdata` in the platform's user cache folder."""
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "idxdata"


class Cache:
    """Decoded IDX files under `folder`; made when the first entry is written.

    `folder` defaults to `default_folder()`, asked at construction. Processes may
    share a folder: each publishes whole entries, the first one stays.
    """

    def __init__(self, folder: PathLike | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder)

    def open(self, path: PathLike) -> NDArray[Any]:
        """The array in the IDX file at `path`, mapped from its entry.

        Native byte order, C-contiguous, 64-byte aligned; copy-on-write: writing
        to it changes neither the entry nor what others see. The entry is made
        first where there is none; building needs about 1 MB of memory.

        Raises the errors of `read_idx` for a bad source, and `CacheError` if the
        folder cannot be written, the source changes while it is read, or the
        entry is damaged.
        """
        source_path = Path(path).resolve(strict=True)
        entry = self._entry(source_path)
        # os.path.exists says False where the folder may not be looked into.
        if not os.path.exists(entry):
            self._build(source_path, entry)
        return _map_entry(entry)

    def _entry(self, path: Path) -> Path:
        identity = json.dumps([FORMAT_VERSION, *_identity(path).values()])
        return self.folder / hashlib.sha256(identity.encode()).hexdigest()[:32]

    def _build(self, path: Path, entry: Path) -> None:
        identity = _identity(path)
        with open_source(path) as source:
            # Before the folder is touched: a bad source leaves nothing behind.
            source.check_size()
            part = temporary_sibling(entry)
            try:
                part.mkdir(parents=True)
                digest = _write_data(source, part / "data.npy")
                meta = _meta(source.header, identity, digest)
                (part / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")
                if not self._is_entry_of(path, entry):
                    raise CacheError("source changed while it was read", path=path)
                _publish(part, entry)
            except CacheError:
                raise
            except OSError as error:
                raise CacheError(
                    "cannot write a cache entry",
                    path=self.folder,
                    found=error.strerror or str(error),
                    hint=f"set {ENVIRONMENT_VARIABLE} to a folder with room that "
                    "can be written, or use read_idx",
                ) from error
            finally:
                shutil.rmtree(part, ignore_errors=True)

    def _is_entry_of(self, path: Path, entry: Path) -> bool:
        try:
            return self._entry(path) == entry
        except OSError:
            return False


def _identity(path: Path) -> dict[str, str | int]:
    """What changes when the file at `path` does.

    Size and modification time alone would miss a file replaced by one of the same
    shape that kept an old time, as archives and copying tools do.
    """
    status = path.stat()
    return {
        "path": str(path),
        "nbytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }


def _npy_header(dtype: DType, shape: tuple[int, ...]) -> bytes:
    """A .npy header, padded so that what follows is 64-byte aligned."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file,
        {
            "descr": np.lib.format.dtype_to_descr(dtype),
            "fortran_order": False,
            "shape": shape,
        },
    )
    return file.getvalue()


def _write_data(source: IdxSource, path: Path) -> str:
    """Decode the payload to a .npy file; returns the digest of the raw IDX file."""
    header = source.header
    digest = hashlib.sha256(build_header(header.dtype, header.shape))
    with open(path, "wb") as file:
        file.write(_npy_header(header.dtype, header.shape))
        chunk = np.empty(_CHUNK_NBYTES // header.dtype.itemsize, header.dtype)
        left = header.nbytes // header.dtype.itemsize
        while left:
            elements = chunk[: min(left, len(chunk))]
            source.readinto(elements.view(np.uint8).data)
            digest.update(elements.data)
            file.write(to_native(elements).data)
            left -= len(elements)
        source.finish()
    return digest.hexdigest()


def _meta(
    header: Header, identity: dict[str, str | int], digest: str
) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "source": identity,
        "dtype": header.dtype.name,
        "shape": header.shape,
        "idx_sha256": digest,
    }


def _publish(part: Path, entry: Path) -> None:
    try:
        part.rename(entry)
    except OSError:
        # Another process was first; its entry was made from the same source.
        if not entry.exists():
            raise


def _map_entry(entry: Path) -> NDArray[Any]:
    """Map `data.npy` as `meta.json` says it is, after checking that it is so."""
    data = entry / "data.npy"
    try:
        meta = json.loads((entry / "meta.json").read_text())
        dtype, shape = np.dtype(meta["dtype"]), tuple(meta["shape"])
        header = _npy_header(dtype, shape)
        nbytes = math.prod(shape) * dtype.itemsize
        with open(data, "rb") as file:
            if file.read(len(header)) != header:
                raise ValueError("another .npy header than meta.json says")
            if os.fstat(file.fileno()).st_size != len(header) + nbytes:
                raise ValueError("another size than meta.json says")
            if not nbytes:
                return np.empty(shape, dtype)
            mapped = np.memmap(file, dtype, "c", len(header), shape)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CacheError(
            "damaged cache entry",
            path=data,
            found=error,
            hint=f"delete the folder {entry}; it is made anew from its source",
        ) from error
    return mapped.view(np.ndarray)


def open_idx(path: PathLike, *, cache: Cache | None = None) -> NDArray[Any]:
    """The array in the IDX file at `path`, memory-mapped: the file is never in RAM.

    A raw file of one-byte elements is mapped in place (its data begins after the
    header, so at no particular alignment). Anything else, compressed or multi-byte,
    is decoded once into `cache` (default: `Cache()`) and mapped from there; of a zip
    archive that is the only file in it. Paths only: what is mapped must be a file.

    Shape and dtype are the header's; native byte order, C-contiguous. Writable as
    copy-on-write: changes stay in this array. The file must not be truncated
    while it is mapped; replacing it by a rename, as `write_idx` does, is safe.

    Raises the errors of `read_idx`, and of `Cache.open` where the cache is needed.
    """
    # Path refuses bytes, and takes a URL for the file name that it is here.
    with open_source(Path(path), peek=True) as source:
        source.check_size()
        header = source.header
        in_place = source.is_mappable and header.dtype.itemsize == 1 and header.nbytes
    if not in_place:
        return (cache or Cache()).open(path)
    mapped = np.memmap(
        path, header.dtype, mode="c", offset=header.offset, shape=header.shape
    )
    return mapped.view(np.ndarray)
