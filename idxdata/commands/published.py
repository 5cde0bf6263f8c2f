"""Which published file a file is: by its hash, else by its name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from idxdata.catalogue import RECORDS, FileRecord, Record


class Hashes(Protocol):
    """Of a file that was read, hexadecimal."""

    @property
    def sha256(self) -> str: ...
    @property
    def md5(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Published:
    """A file of the catalogue. `file`: None for an archive of several.

    `title`: such as "MNIST train images". `sha256`, `md5`: None where nobody has
    published them.
    """

    title: str
    name: str
    spellings: tuple[str, ...]
    file: FileRecord | None
    sha256: str | None
    md5: str | None

    @property
    def has_hash(self) -> bool:
        return bool(self.sha256 or self.md5)

    def is_hash_of(self, found: Hashes) -> bool:
        """Whether the published hash, SHA-256 if there is one, is that of the file."""
        if self.sha256 is not None:
            return self.sha256 == found.sha256
        return self.md5 is not None and self.md5 == found.md5


def by_hash(found: Hashes, records: Iterable[Record] | None = None) -> Published | None:
    """The first of `records` (default: all) that has a file of these hashes."""
    return next((one for one in _all(records) if one.is_hash_of(found)), None)


def by_name(name: str, records: Iterable[Record] | None = None) -> list[Published]:
    """Those that are distributed under this very name, packed as they are."""
    return [one for one in _all(records) if one.name == name]


def by_spelling(name: str, records: Iterable[Record] | None = None) -> list[Published]:
    """Those that go by this name once they are unpacked or packed otherwise."""
    return [one for one in _all(records) if name in one.spellings]


def _all(records: Iterable[Record] | None) -> Iterator[Published]:
    """Each file and archive once, in the catalogue's order."""
    seen = set()
    for record in RECORDS.values() if records is None else records:
        for one in _of_record(record):
            # QMNIST's files are qmnist/nist's too, EMNIST's archive all its splits'.
            key = (record.folder, one.name)
            if key not in seen:
                seen.add(key)
                yield one


def _of_record(record: Record) -> Iterator[Published]:
    for archive in record.archives:
        family = record.name.partition("/")[0].upper()
        title = f"{family} archive {archive.name}"
        names = (archive.name,)
        yield Published(title, archive.name, names, None, archive.sha256, archive.md5)
    for file in record.files:
        title = f"{record.title} {file.split} {file.role}"
        if file.kind == "npz":
            several = len({one.name for one in record.files}) > 1
            title = title if several else record.title
        yield Published(title, file.name, file.spellings, file, file.sha256, file.md5)
