"""Where things lie in a cache folder, and how a source is known there.

    entries/<name>/data.npy, meta.json     one decoded IDX file
    sources/<hash of identity>.json        which entry a source file has
    locks/<name>.lock                      held while <name> is built
    entries/.<name>.<host>.<token>.part    being built, or its builder was killed
    entries/.<name>.<token>.old            out of service, deleted when unused

The subfolders and all in them get the permission bits of the cache folder: whom it
lets in shares the entries.
"""

import errno
import hashlib
import json
import os
import platform
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from idxdata.atomic import atomic_write, checked_path
from idxdata.errors import CacheError, PathLike

FORMAT_VERSION = 2
"""Of the layout and of what is in an entry; another version's entries are left alone."""

ENVIRONMENT_VARIABLE = "IDXDATA_CACHE"
_NAME_LENGTH = 32

UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading and taking apart a JSON file of any content can raise."""

_WRITABLE_HINT = (
    f"set {ENVIRONMENT_VARIABLE} to a folder with room that can be written, "
    "or use read_idx"
)
_TOO_MANY_FILES_HINT = (
    "each mapped array takes one file descriptor, until it and all views of it are "
    "gone; `ulimit -n` tells how many there are"
)
_HINTS = {
    errno.EMFILE: _TOO_MANY_FILES_HINT,
    errno.ENFILE: _TOO_MANY_FILES_HINT,
    errno.ENOMEM: "there is no address space left to map it; `ulimit -v` limits it",
    errno.EPERM: f"it is another user's; {_WRITABLE_HINT}",
    errno.EACCES: f"this user may not; {_WRITABLE_HINT}",
}


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """What changes when a source file does, and what of the file is meant.

    Size and modification time alone would miss a file replaced by one of the same
    shape that kept an old time, as archives and copying tools do. `member`: the file
    of a zip archive. `is_transposed`: the second and third dims are swapped.
    """

    path: str
    nbytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    member: str | None = None
    is_transposed: bool = False

    @classmethod
    def of(
        cls, path: PathLike, *, member: str | None = None, is_transposed: bool = False
    ) -> "SourceIdentity":
        """Of the file at `path`, by its real path.

        Raises `OSError` if there is none, `TypeError` if `path` is bytes.
        """
        real = os.path.realpath(checked_path(path), strict=True)
        return cls._of(real, os.stat(real), member, is_transposed)

    def now(self) -> "SourceIdentity":
        """Of what is at its path by now. Raises `OSError` if there is nothing."""
        return SourceIdentity.of(
            self.path, member=self.member, is_transposed=self.is_transposed
        )

    def of_open(self, descriptor: int) -> "SourceIdentity":
        """Of the open file, as if it were at this one's path."""
        status = os.fstat(descriptor)
        return self._of(self.path, status, self.member, self.is_transposed)

    def of_part(self, other: "SourceIdentity") -> "SourceIdentity":
        """The same file, with what of it `other` means."""
        return replace(self, member=other.member, is_transposed=other.is_transposed)

    @property
    def label(self) -> str:
        """What to call it in a progress bar."""
        return os.path.basename(self.path if self.member is None else self.member)

    def facts(self) -> dict[str, str | int]:
        """The same by name, as it is stored."""
        facts: dict[str, str | int] = {
            "path": self.path,
            "nbytes": self.nbytes,
            "mtime_ns": self.mtime_ns,
            "ctime_ns": self.ctime_ns,
            "inode": self.inode,
        }
        return facts | self.part_facts()

    def part_facts(self) -> dict[str, str | int]:
        """What of the file is meant; nothing where it is all, as it is."""
        facts: dict[str, str | int] = {}
        if self.member is not None:
            facts["member"] = self.member
        if self.is_transposed:
            facts["is_transposed"] = True
        return facts

    @classmethod
    def _of(
        cls, path: str, status: os.stat_result, member: str | None, is_transposed: bool
    ) -> "SourceIdentity":
        return cls(
            path,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
            member,
            is_transposed,
        )


def entry_name(source_sha256: str, identity: SourceIdentity) -> str:
    """The name of the entry of a source with that content, and of that part of it."""
    part = identity.part_facts()
    words = [str(FORMAT_VERSION), source_sha256, *([json.dumps(part)] if part else [])]
    return _short_hash(" ".join(words))


def host_tag() -> str:
    """Tells machines apart, whose locks may not be seen by each other."""
    return _short_hash(platform.node())[:8]


def is_entry_name(name: str) -> bool:
    return len(name) == _NAME_LENGTH and set(name) <= set("0123456789abcdef")


def _short_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:_NAME_LENGTH]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths below the cache folder `folder`."""

    folder: Path

    @property
    def entries(self) -> Path:
        return self.folder / "entries"

    @property
    def sources(self) -> Path:
        return self.folder / "sources"

    @property
    def locks(self) -> Path:
        return self.folder / "locks"

    def entry(self, name: str) -> Path:
        return self.entries / name

    def lock(self, name: str) -> Path:
        return self.locks / f"{name}.lock"

    def part(self, name: str) -> Path:
        """A folder nobody else uses, even where locks do not reach other machines."""
        token = secrets.token_hex(8)
        return self.entries / f".{name}.{host_tag()}.{token}.part"

    def old(self, name: str) -> Path:
        return self.entries / f".{name}.{secrets.token_hex(8)}.old"

    def make(self) -> None:
        """Make the folders that are not there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise _not_a_directory(self.folder) from error
        for below in (self.entries, self.sources, self.locks):
            if not below.is_dir():
                below.mkdir(exist_ok=True)
                self.open_up(below)

    def open_up(self, path: Path) -> None:
        """Give what was just made the permission bits of the cache folder."""
        own = stat.S_IMODE(path.stat().st_mode)
        wanted = stat.S_IMODE(self.folder.stat().st_mode)
        wanted &= 0o1777 if path.is_dir() else 0o666
        if own | wanted != own:
            with suppress(OSError):
                path.chmod(own | wanted)

    @contextmanager
    def errors(self, what: str = "cannot write a cache entry") -> Iterator[None]:
        """Tell of an `OSError` of the block as a `CacheError` of this folder."""
        try:
            yield
        except CacheError:
            raise
        except OSError as error:
            raise CacheError(
                what,
                path=self.folder,
                found=error.strerror or str(error),
                hint=_HINTS.get(error.errno or 0, _WRITABLE_HINT),
            ) from error

    # The index: which source has which entry

    def find_sha256(self, identity: SourceIdentity) -> str | None:
        """The SHA-256 of that source, if it was indexed; unreadable is not indexed."""
        try:
            known = json.loads(self._source_file(identity).read_bytes())
            sha256 = known["source_sha256"]
            if known["source"] == identity.facts() and known["entry"] == entry_name(
                sha256, identity
            ):
                return str(sha256)
        except UNREADABLE:
            pass
        return None

    def find_sha256_of_file(self, identity: SourceIdentity) -> str | None:
        """As `find_sha256`, also where another part of the same file was indexed."""
        for _, source, known in self._known():
            if source.of_part(identity) == identity:
                sha256 = str(known["source_sha256"])
                # An index file of this version, and not one that was tampered with.
                if known["entry"] == entry_name(sha256, source):
                    return sha256
        return None

    def index(self, identity: SourceIdentity, source_sha256: str) -> None:
        """Remember the SHA-256 of a source. Raises `OSError` if it cannot be written."""
        self.make()
        path = self._source_file(identity)
        text = json.dumps(
            {
                "source": identity.facts(),
                "source_sha256": source_sha256,
                "entry": entry_name(source_sha256, identity),
            },
            indent=1,
        )
        with atomic_write(path) as file:
            file.write(text.encode() + b"\n")
        self.open_up(path)

    def indexed(self) -> Iterator[tuple[Path, SourceIdentity, str]]:
        """All index files that can be read: the file, the source, its entry's name."""
        for path, source, known in self._known():
            yield path, source, str(known["entry"])

    def _known(self) -> Iterator[tuple[Path, SourceIdentity, dict[str, object]]]:
        for path in _listed(self.sources):
            with suppress(*UNREADABLE):
                known = json.loads(path.read_bytes())
                source = SourceIdentity(**known["source"])
                yield path, source, {"source_sha256": None, "entry": None} | known

    def entry_names(self) -> list[str]:
        return sorted(p.name for p in _listed(self.entries) if is_entry_name(p.name))

    def leftovers(self) -> list[Path]:
        """What builders and removers left in `entries`, finished or not."""
        return [path for path in _listed(self.entries) if path.name.startswith(".")]

    def temporary_index_files(self) -> list[Path]:
        return [path for path in _listed(self.sources) if path.suffix == ".part"]

    def lock_files(self) -> list[Path]:
        return [path for path in _listed(self.locks) if path.suffix == ".lock"]

    def _source_file(self, identity: SourceIdentity) -> Path:
        text = json.dumps([FORMAT_VERSION, *identity.facts().values()])
        return self.sources / f"{_short_hash(text)}.json"


def _not_a_directory(path: Path) -> NotADirectoryError:
    return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
