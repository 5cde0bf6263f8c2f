"""What is known of a dataset, as frozen records: files, hashes, shapes, quirks."""

import re
from dataclasses import dataclass, field
from typing import Literal

SplitName = str
Role = Literal["images", "labels"]
Kind = Literal["gzip", "xz", "npz", "raw"]
ROLES: tuple[Role, ...] = ("images", "labels")
DIGITS = tuple(str(digit) for digit in range(10))

_SUFFIXES = (".gz", ".xz", ".zip")
_IDX_PART = re.compile(r"[-.](idx\d+-\w+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One distributed file, or one array of an .npz.

    `nbytes`, `sha256`, `md5`: of the file as it is fetched; None where nobody has
    published them. `is_hash_verified`: the file itself was hashed for this record;
    else the hash is quoted from the loaders that `Record.sources` names. `shape`: a
    dim of None may be any. `array`: the name within an .npz.
    """

    split: SplitName
    role: Role
    name: str
    shape: tuple[int | None, ...]
    dtype: Literal["uint8", "int32"] = "uint8"
    kind: Kind = "gzip"
    nbytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    is_hash_verified: bool = False
    array: str | None = None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of `shape` can be this file's."""
        return len(shape) == len(self.shape) and all(
            want in (None, have) for want, have in zip(self.shape, shape, strict=True)
        )

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names the file goes by, the preferred first: raw before compressed.

        Tools that restore the name in a gzip header, and `gunzip`, leave
        "train-images.idx3-ubyte" and "train-images-idx3-ubyte" behind.
        """
        if self.kind == "npz":
            return (self.name,)
        stem = self.name.removesuffix(".gz").removesuffix(".xz")
        dotted = _IDX_PART.sub(r".\1", stem)
        hyphened = _IDX_PART.sub(r"-\1", stem)
        names = [hyphened, dotted]
        if stem.startswith("t10k-"):
            names += [name.replace("t10k", "test", 1) for name in names]
        packed = [name + suffix for suffix in _SUFFIXES for name in names]
        return tuple(dict.fromkeys(names + packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """A zip archive that holds the files of a dataset; `urls` are whole addresses."""

    name: str
    urls: tuple[str, ...]
    nbytes: int | None
    sha256: str
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Subset:
    """A part of a split that has a name of its own: rows `start` to `stop`."""

    name: str
    split: SplitName
    start: int
    stop: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One dataset.

    `files`: of several for the same split and role the first is the one to fetch,
    the others are as good where they are found. No files: made by code. `mirrors`:
    addresses of folders, in the order to be asked; none: it is not distributed.
    `folder`: below the cache's `datasets`. `archives`: where the files lie in a zip,
    as `member(file)`. `has_transposed_images`: stored column by column, and turned
    upright when read. `first_label`: what the first class is labelled.
    `label_columns`: names, where labels are a table whose first column is the class.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    license: str
    citation: str
    homepage: str
    folder: str
    files: tuple[FileRecord, ...] = ()
    mirrors: tuple[str, ...] = ()
    archives: tuple[ArchiveRecord, ...] = ()
    archive_folder: str = ""
    has_transposed_images: bool = False
    first_label: int = 0
    label_columns: tuple[str, ...] = ()
    subsets: tuple[Subset, ...] = ()
    characters: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    sources: tuple[str, ...] = field(default=(), repr=False)
    how_to_make: str | None = None

    @property
    def splits(self) -> tuple[SplitName, ...]:
        """Names of the splits that have files, in order."""
        return tuple(dict.fromkeys(file.split for file in self.files))

    def candidates(self, split: SplitName, role: Role) -> tuple[FileRecord, ...]:
        """The files that serve for that split and role, the one to fetch first."""
        return tuple(
            file for file in self.files if (file.split, file.role) == (split, role)
        )

    def member(self, file: FileRecord) -> str:
        """The name of `file` within an archive."""
        return f"{self.archive_folder}{file.name}"

    def urls(self, file: FileRecord) -> tuple[str, ...]:
        """The addresses of `file`, in the order to be asked."""
        return tuple(mirror + file.name for mirror in self.mirrors)
