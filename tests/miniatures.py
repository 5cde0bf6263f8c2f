"""Datasets of the catalogue's structure, of a few rows each, made as they are distributed."""

import hashlib
import lzma
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from idxdata import write_idx
from idxdata.catalogue import ArchiveRecord, FileRecord, Record, Subset
from tests.strategies import Array

COUNTS = {"train": 54, "test": 31, "nist": 90, "dig": 12}


def small(file: FileRecord) -> FileRecord:
    """The record of a file with fewer rows, and with no hash yet."""
    shape = (COUNTS[file.split], *file.shape[1:])
    return replace(file, shape=shape, nbytes=None, sha256=None, md5=None)


def array_of(record: Record, file: FileRecord) -> Array:
    """What the file is to hold, as it is stored; the same each time."""
    key = f"{record.folder} {file.split} {file.role} {len(file.shape)}"
    random = np.random.default_rng(crc32(key.encode()))
    shape = (COUNTS[file.split], *file.shape[1:])
    if file.role == "images":
        return random.integers(0, 256, shape, np.uint8)  # type: ignore[arg-type]
    labels = np.arange(shape[0]) % (len(record.classes) - record.first_label)
    labels = (labels + record.first_label).astype(file.dtype)
    if len(shape) == 1:
        return labels
    table = random.integers(-5, 3000, shape, np.int32)  # type: ignore[arg-type]
    table[:, 0] = labels
    return table


def make(record: Record, folder: Path, *, urls: str = "") -> Record:
    """Write the dataset's files into `folder`; the record of what was written.

    Its mirrors, and the archive's address, are below `urls`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = [small(file) for file in record.files]
    subsets = (Subset("test10k", "test", 0, 10), Subset("test50k", "test", 10, None))
    changed = replace(
        record,
        subsets=subsets if record.subsets else (),
        mirrors=(urls,) if record.mirrors else (),
    )
    if record.archives:
        name = record.archives[0].name
        with zipfile.ZipFile(folder / name, "w") as archive:
            for file in files:
                _write(record, [file], folder / "part")
                archive.write(folder / "part", record.member(file))
            (folder / "part").unlink()
        sha256 = _sha256(folder / name)
        archives = (
            ArchiveRecord(name=name, urls=(urls + name,), nbytes=None, sha256=sha256),
        )
        return replace(changed, files=tuple(files), archives=archives)
    for name in dict.fromkeys(file.name for file in files):
        _write(record, [file for file in files if file.name == name], folder / name)
    known = (_with_hash(file, folder / file.name) for file in files)
    return replace(changed, files=tuple(known))


def _with_hash(file: FileRecord, path: Path) -> FileRecord:
    if file.kind == "raw":
        return replace(file, shape=(None, *file.shape[1:]))
    return replace(file, sha256=_sha256(path), nbytes=path.stat().st_size)


def _write(record: Record, files: list[FileRecord], path: Path) -> None:
    arrays = [array_of(record, file) for file in files]
    write: dict[str, Callable[[], object]] = {
        "gzip": lambda: _write_gzip(path, arrays[0]),
        "raw": lambda: write_idx(path, arrays[0]),
        "xz": lambda: path.write_bytes(lzma.compress(_raw(path, arrays[0]))),
        "npz": lambda: np.savez_compressed(
            path,
            **{str(file.array): one for file, one in zip(files, arrays, strict=True)},  # type: ignore[arg-type]
        ),
    }
    write[files[0].kind]()


def _write_gzip(path: Path, array: Array) -> None:
    packed = path.with_name("packed.gz")
    write_idx(packed, array)
    packed.rename(path)


def _raw(path: Path, array: Array) -> bytes:
    raw = path.with_name("raw")
    write_idx(raw, array)
    content = raw.read_bytes()
    raw.unlink()
    return content


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
