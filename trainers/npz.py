"""Files of named arrays and a table of facts: NumPy's .npz, written whole, read strictly.

The member `meta` is JSON as bytes, all others are arrays. Nothing in such a file is ever
run: pickled objects are refused.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.atomic import atomic_write
from trainers.errors import CheckpointError

Arrays = dict[str, NDArray[Any]]

META = "meta"
MAX_MEMBERS = 100_000
MAX_META_BYTES = 64 << 20
DAMAGED = "the file is damaged: take an older copy, or run again"


def arrays_digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 (hex) over names, dtypes, shapes and little-endian bytes, by name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        kind = array.dtype.newbyteorder("<")
        digest.update(f"{name} {kind.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array, kind).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write_npz(
    path: str | os.PathLike[str], meta: Mapping[str, Any], arrays: Arrays
) -> None:
    """Replace `path` by a file of `meta`, JSON values, and `arrays` (not of objects).

    Appears whole or not at all. `arrays_digest` goes into the file's table as "arrays".
    Raises `OSError`, and `TypeError` for arrays of objects.
    """
    table = json.dumps({**meta, "arrays": arrays_digest(arrays)}).encode()
    with atomic_write(path) as file:
        members: dict[str, Any] = {META: np.frombuffer(table, np.uint8), **arrays}
        np.savez(file, **members)


def read_npz(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Arrays]:
    """What `write_npz` wrote: fresh C-contiguous arrays in native byte order.

    Raises `CheckpointError` for anything else: a file that is cut short or changed, no
    archive, compressed or pickled members, another digest than its table says. `OSError`
    if it cannot be opened.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            meta, arrays = _read(file, size)
        # A damaged archive makes zipfile and NumPy raise nearly everything there is.
        except Exception as error:
            if isinstance(error, CheckpointError):
                raise CheckpointError(
                    error.what,
                    path=path,
                    expected=error.expected,
                    found=error.found,
                    hint=error.hint,
                ) from None
            # NumPy's text says how to have pickled objects run; they never are.
            is_pickled = "pickle" in str(error)
            raise CheckpointError(
                "not a sound file of weights",
                path=path,
                found="a pickled object, which is never read"
                if is_pickled
                else f"{type(error).__name__}: {error}",
                hint=None if is_pickled else DAMAGED,
            ) from error
    return meta, arrays


def _read(file: Any, size: int) -> tuple[dict[str, Any], Arrays]:
    if not size:
        raise CheckpointError("there is nothing in the file", hint=DAMAGED)
    if file.read(2) != b"PK":
        raise CheckpointError("not an archive of arrays", expected=".npz")
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise CheckpointError("not an archive of arrays", expected=".npz")
        _check_members(archive.zip.infolist() if archive.zip else [], size)
        members = {name: archive[name] for name in archive.files}
    for name, array in members.items():
        if not isinstance(array, np.ndarray):
            raise CheckpointError(f"the member {name!r} is no array")
    table = members.pop(META, None)
    if table is None:
        raise CheckpointError("not a file of weights", expected=f"a member {META!r}")
    if table.dtype != np.uint8 or table.ndim != 1 or table.size > MAX_META_BYTES:
        raise CheckpointError("the file's table is not one of bytes")
    meta = json.loads(table.tobytes())
    if not isinstance(meta, dict):
        raise CheckpointError("the file's table is none", found=type(meta).__name__)
    arrays = {
        name: np.require(array, array.dtype.newbyteorder("="), "C").reshape(array.shape)
        for name, array in members.items()
    }
    if arrays_digest(arrays) != meta.pop("arrays", None):
        raise CheckpointError(
            "the arrays are not those that were written", hint=DAMAGED
        )
    return meta, arrays


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """No member may claim more than the file holds, so that none can fill the memory."""
    if len(members) > MAX_MEMBERS:
        raise CheckpointError("too many members", expected=f"at most {MAX_MEMBERS}")
    if sum(member.file_size for member in members) > size:
        raise CheckpointError("members are larger than the file")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED:
            raise CheckpointError(f"the member {member.filename!r} is compressed")
