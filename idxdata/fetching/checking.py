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
    """Size, kind and hash of the whole file. Raises `Failure` if one is another."""
    nbytes = path.stat().st_size
    if remote.nbytes is not None and nbytes != remote.nbytes:
        raise Failure(f"{nbytes} bytes, not {remote.nbytes}", is_wrong_file=True)
    with path.open("rb") as file:
        check_kind(remote, file.read(LOOK_NBYTES))
        if remote.digest is None:
            return
        algorithm, published = remote.digest
        file.seek(0)
        # Not for security: some builds of OpenSSL have no MD5 otherwise.
        digest = hashlib.new(algorithm, usedforsecurity=algorithm != "md5")
        found = hashlib.file_digest(file, lambda: digest).hexdigest()
    if found != published:
        raise Failure(f"another {algorithm}: {found}", is_wrong_file=True)


def check_file(remote: Remote, path: PathLike) -> None:
    """Check a file that is there against what was published.

    Raises `DigestError` if its kind, its size or its hash (SHA-256, else MD5) is
    another, `OSError` if it cannot be read. Says nothing where no hash is known but
    that kind and size are right.
    """
    try:
        check_content(remote, Path(path))
    except Failure as failure:
        digest = remote.digest
        size = None if remote.nbytes is None else f"{remote.nbytes} bytes"
        raise DigestError(
            "not the file that was published",
            path=path,
            expected=digest[1] if digest else size or f"{remote.kind} data",
            found=str(failure),
            hint="delete it, and fetch it again",
        ) from None
