"""Known datasets: their files, hashes, classes, licences and quirks, as records."""

import difflib

from idxdata.catalogue.emnist import EMNIST
from idxdata.catalogue.fashion_mnist import FASHION_MNIST
from idxdata.catalogue.kuzushiji import K49, KMNIST
from idxdata.catalogue.mnist import KERAS_MNIST, MNIST
from idxdata.catalogue.others import (
    GLYPHS,
    INFIMNIST,
    KANNADA_DIG,
    KANNADA_MNIST,
    NOTMNIST,
    ORACLE_MNIST,
)
from idxdata.catalogue.qmnist import QMNIST, QMNIST_NIST
from idxdata.catalogue.records import (
    DIGITS,
    ROLES,
    ArchiveRecord,
    FileRecord,
    Record,
    Role,
    SplitName,
    Subset,
)
from idxdata.errors import CatalogueError

__all__ = [
    "DIGITS",
    "RECORDS",
    "ROLES",
    "ArchiveRecord",
    "FileRecord",
    "Record",
    "Role",
    "SplitName",
    "Subset",
    "find",
]

RECORDS: dict[str, Record] = {
    record.name: record
    for record in (
        GLYPHS,
        MNIST,
        KERAS_MNIST,
        FASHION_MNIST,
        KMNIST,
        K49,
        QMNIST,
        QMNIST_NIST,
        *EMNIST,
        KANNADA_MNIST,
        KANNADA_DIG,
        ORACLE_MNIST,
        NOTMNIST,
        INFIMNIST,
    )
}

_ALIASES = {
    "fashion": "fashion_mnist",
    "kuzushiji": "kmnist",
    "kuzushiji49": "k49",
    "kannada": "kannada_mnist",
    "oracle": "oracle_mnist",
    "mnist8m": "infimnist",
}


def find(name: str) -> Record:
    """The record called `name`; case, "-", "_" and blanks make no difference.

    Raises `CatalogueError`, with the nearest known names as its hint, if there is
    none, or if `name` is EMNIST's without one of its splits.
    """
    if (found := RECORDS.get(name)) is not None:
        return found
    plain = {_plain(known): known for known in RECORDS}
    known = plain.get(_plain(name)) or _ALIASES.get(_plain(name))
    if known is not None:
        return RECORDS[known]
    parts = [known for known in RECORDS if known.startswith(f"{name.lower()}/")]
    if parts:
        raise CatalogueError(
            "this dataset has several splits of its classes",
            expected="one of " + ", ".join(parts),
            found=repr(name),
        )
    near = difflib.get_close_matches(name.lower(), RECORDS, n=2, cutoff=0.5)
    raise CatalogueError(
        "no dataset of this name",
        expected="one of " + ", ".join(RECORDS),
        found=repr(name),
        hint=f"did you mean {' or '.join(map(repr, near))}?"
        if near
        else "a folder is named by a path, such as './digits'",
    )


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "-_ ")
