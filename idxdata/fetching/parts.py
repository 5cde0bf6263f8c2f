"""The part of a file that is there already: kept over failures, mirrors and processes."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from idxdata.atomic import atomic_write, temporary_sibling
from idxdata.fetching.remote import Remote


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the bytes of a part come from.

    `key`: of the remote. `url`: the mirror that gave the last of them. `validator`: a
    strong ETag or a date that the mirror gave for them, or None.
    """

    key: str
    url: str
    validator: str | None


class Part:
    """`.<name>.part` beside the file to be, and what is known of it, in a sidecar."""

    def __init__(self, folder: Path, remote: Remote, *, is_shared: bool) -> None:
        self._key = remote.key
        self.path = folder / f".{remote.name}.part"
        if not is_shared:
            # No lock keeps others away from a name that they know.
            self.path = temporary_sibling(folder / remote.name)
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
        return origin if origin.key == self._key and self.nbytes else None

    def note(self, url: str, validator: str | None) -> None:
        """Remember where bytes come from, before the first of them is written."""
        with atomic_write(self._sidecar) as file:
            file.write(json.dumps(asdict(Origin(self._key, url, validator))).encode())

    def discard(self) -> None:
        for path in (self.path, self._sidecar):
            with suppress(FileNotFoundError):
                path.unlink()

    def publish(self, final: Path) -> None:
        os.replace(self.path, final)
        with suppress(OSError):
            self._sidecar.unlink()
