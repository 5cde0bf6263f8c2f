"""The part of a file that is there already: kept over failures, mirrors and processes."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from idxdata.atomic import temporary_sibling
from idxdata.fetching.remote import Remote


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the bytes of a part come from.

    `key`: of the remote. `url`: the mirror that gave the last of them. `validator`: the
    strong ETag, or the date, that the mirror gave for them; None if it gave neither.
    """

    key: str
    url: str
    validator: str | None


class Part:
    """`.<name>.part` beside the file to be, and what is known of it, in a sidecar.

    `is_shared`: a lock keeps others away, and who comes later goes on with it. Else it
    has a name of its own, and is gone when it is left.
    """

    def __init__(self, final: Path, remote: Remote, *, is_shared: bool) -> None:
        self._key = remote.key
        self._is_shared = is_shared
        self.path = (
            final.with_name(f".{final.name}.part")
            if is_shared
            else temporary_sibling(final)
        )
        self._sidecar = self.path.with_name(f"{self.path.name}.json")

    @property
    def nbytes(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def origin(self) -> Origin | None:
        """None if there is nothing of this remote that could be gone on with."""
        try:
            origin = Origin(**json.loads(self._sidecar.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        if not isinstance(origin.validator, str | None):
            return None
        return origin if origin.key == self._key and self.nbytes else None

    def open(self, start: int, url: str, validator: str | None) -> BinaryIO:
        """The part, to be written from byte `start` on; what lay behind is cut off.

        The steps are such that whoever is killed between them never leaves bytes beside
        the origin of others: the part is empty before its origin changes.
        """
        file = self.path.open("r+b" if start else "wb")
        try:
            if start:
                file.truncate(start)
            origin = Origin(self._key, url, validator)
            if not start or origin != self.origin():
                # Half of this is no JSON: it is not taken for a whole.
                self._sidecar.write_bytes(json.dumps(asdict(origin)).encode())
            file.seek(start)
        except BaseException:
            file.close()
            raise
        return file

    def discard(self) -> None:
        for path in (self.path, self._sidecar):
            with suppress(FileNotFoundError):
                path.unlink()

    def publish(self, final: Path) -> None:
        """Give it its name, unless somebody was first whose file cannot be replaced."""
        try:
            os.replace(self.path, final)
        except OSError:
            # On Windows, where there are no locks and others may have it open.
            if not final.is_file():
                raise
            self.discard()
        with suppress(OSError):
            self._sidecar.unlink()

    def leave(self) -> None:
        if not self._is_shared:
            self.discard()
