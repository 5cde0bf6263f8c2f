"""Whether a file is the one that was published: kind, size, hash."""

import hashlib
from pathlib import Path

from idxdata.errors import DigestError, PathLike
from idxdata.fetching.failures import Failure
from idxdata.fetching.remote import Remote
from idxdata.gunzip import GZIP_MAGIC
from idxdata.sniff import LOOKAHEAD_NBYTES, XZ_MAGIC, ZIP_MAGICS, looks_like

_MAGICS: dict[str, tuple[bytes, ...]] = {
    "gzip": (GZIP_MAGIC,),
    "xz": (XZ_MAGIC,),
    "zip": ZIP_MAGICS,
    "raw": (b"\0\0",),
}
LOOK_NBYTES = LOOKAHEAD_NBYTES


def check_kind(remote: Remote, head: bytes) -> None:
    """Look at a file's first bytes. Raises `Failure` if they are of another kind."""
    if head.startswith(_MAGICS[remote.kind]):
        return
    found = (
        looks_like(head) or f"data that begins with {head[:4].hex(' ') or 'nothing'}"
    )
    raise Failure(f"sends {found}, not {remote.kind} data", is_wrong_file=True)


def check_content(remote: Remote, path: Path) -> None:
    """Size and hash of the whole file. Raises `Failure` if one is another."""
    nbytes = path.stat().st_size
    if remote.nbytes is not None and nbytes != remote.nbytes:
        raise Failure(f"{nbytes} bytes, not {remote.nbytes}", is_wrong_file=True)
    with path.open("rb") as file:
        check_kind(remote, file.read(LOOK_NBYTES))
        name, published = "sha256", remote.sha256
        if published is None:
            name, published = "md5", remote.md5
        if published is None:
            return
        file.seek(0)
        found = hashlib.file_digest(file, name).hexdigest()
    if found != published.lower():
        raise Failure(f"another {name}: {found}", is_wrong_file=True)


def check_file(remote: Remote, path: PathLike) -> None:
    """Check a file that is there against what was published.

    Raises `DigestError` if its kind, its size or its hash (SHA-256, else MD5) is
    another, `OSError` if it cannot be read. Says nothing where no hash is known but
    that kind and size are right.
    """
    try:
        check_content(remote, Path(path))
    except Failure as failure:
        raise DigestError(
            "not the file that was published",
            path=path,
            expected=remote.sha256 or remote.md5 or f"{remote.nbytes} bytes",
            found=str(failure),
            hint="delete it, and fetch it again",
        ) from None
