"""One entry of the cache: `data.npy`, a file that NumPy reads, and `meta.json`.

What is checked at each opening is what can be without reading the data: that
`meta.json` is as it was written, that it is this entry's, and that `data.npy` has the
header and the size it tells. `Cache.verify` reads the data.
"""

import hashlib
import io
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.caching.layout import (
    FORMAT_VERSION,
    UNREADABLE,
    SourceIdentity,
    entry_name,
)
from idxdata.dtypes import DType
from idxdata.locks import names, release, share
from idxdata.mapping import Contents, Region, map_open_file

DATA, META = "data.npy", "meta.json"

LAST_USED_STEP_S = 3600
"""How exactly an entry's last use is known: its time is not written more often."""


class Damaged(Exception):
    """An entry is not what it was when it was made; the text says in what."""


class OtherVersion(Damaged):
    """An entry that another version of this package made, and that is not ours."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What `meta.json` tells of an entry; see its names there."""

    source: SourceIdentity
    source_sha256: str
    dtype: DType
    shape: tuple[int, ...]
    contents: Contents
    created_s: float

    def to_json(self) -> bytes:
        facts = {
            "format_version": FORMAT_VERSION,
            "source": self.source.facts(),
            "source_sha256": self.source_sha256,
            "dtype": self.dtype.name,
            "shape": list(self.shape),
            **asdict(self.contents),
            "created_s": self.created_s,
        }
        facts["facts_sha256"] = _facts_sha256(facts)
        return json.dumps(facts, indent=1).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes, name: str) -> "Meta":
        """Of the entry `name`. Raises `Damaged`."""
        try:
            facts = json.loads(text)
            source = SourceIdentity(**facts["source"])
            is_ours = name == entry_name(facts["source_sha256"], source)
            is_current = facts["format_version"] == FORMAT_VERSION
            if not is_current and not is_ours:
                raise OtherVersion("another version's")
            if not is_current or not is_ours:
                raise Damaged(f"{META} is another entry's")
            if facts.pop("facts_sha256") != _facts_sha256(facts):
                raise Damaged(f"{META} was changed")
            contents = Contents(facts["idx_sha256"], facts["minimum"], facts["maximum"])
            return cls(
                source,
                facts["source_sha256"],
                np.dtype(facts["dtype"]),
                tuple(facts["shape"]),
                contents,
                facts["created_s"],
            )
        except UNREADABLE as error:
            raise Damaged(f"{META} cannot be understood: {error!r}") from error


def _facts_sha256(facts: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def npy_header(dtype: DType, shape: tuple[int, ...]) -> bytes:
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


@dataclass(frozen=True, slots=True)
class OpenEntry:
    """An entry whose data file is open, said to be in use (`is_locked`), and checked."""

    meta: Meta
    file: FileIO
    region: Region
    is_locked: bool

    def map(self) -> NDArray[Any]:
        """The array, copy-on-write and 64-byte aligned; no byte of it is read."""
        return map_open_file(
            self.file,
            self.region,
            contents=self.meta.contents,
            is_locked=self.is_locked,
        )


def open_entry(folder: Path) -> OpenEntry | None:
    """The entry at `folder`; None if there is none.

    Who does not map its `file` is to `release` it. Raises `Damaged`; `OSError` if it
    may not be read.
    """
    while True:
        try:
            meta = _read_meta(folder)
            # By its real path, which a `Reference` may be asked for from elsewhere.
            file = FileIO(os.path.join(os.path.realpath(folder), DATA))
        except (FileNotFoundError, NotADirectoryError) as error:
            if not os.path.lexists(folder):
                return None
            raise Damaged(f"{os.path.basename(str(error.filename))} is gone") from error
        try:
            is_locked = share(file.fileno())
            # Removed or made anew since it was opened: then look again.
            if names(str(file.name), file.fileno()):
                return OpenEntry(meta, file, _checked_region(meta, file), is_locked)
        except BaseException:
            release(file)
            raise
        release(file)


def map_entry(folder: Path) -> NDArray[Any] | None:
    """The array of the entry at `folder`; None if there is none. Raises `open_entry`'s."""
    opened = open_entry(folder)
    if opened is None:
        return None
    with opened.file:
        array = opened.map()
    _note_use(folder)
    return array


def _read_meta(folder: Path) -> Meta:
    with open(os.path.join(folder, META), "rb", buffering=0) as file:
        return Meta.from_json(file.read(), os.path.basename(folder))


def _checked_region(meta: Meta, file: FileIO) -> Region:
    header = npy_header(meta.dtype, meta.shape)
    region = Region(len(header), meta.dtype, meta.shape)
    if file.read(len(header)) != header:
        raise Damaged(f"{DATA} has another header than {META} tells")
    size = os.fstat(file.fileno()).st_size
    if size != region.offset + region.nbytes:
        raise Damaged(f"{DATA} has {size} bytes, not {region.offset + region.nbytes}")
    return region


def last_used_s(folder: Path) -> float:
    """When the entry was last opened, to `LAST_USED_STEP_S`; its `meta.json` has it."""
    return os.stat(os.path.join(folder, META)).st_mtime


def _note_use(folder: Path) -> None:
    # Where the folder is read-only, or another user's, it stays unknown.
    with suppress(OSError):
        if abs(time.time() - last_used_s(folder)) > LAST_USED_STEP_S:
            os.utime(os.path.join(folder, META))
