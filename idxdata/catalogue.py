"""Known datasets as frozen records: files, hashes, classes, licence, quirks."""

import difflib
from dataclasses import dataclass
from typing import Literal

from idxdata.errors import CatalogueError

SplitName = Literal["train", "test"]
Role = Literal["images", "labels"]
SPLITS: tuple[SplitName, ...] = ("train", "test")
ROLES: tuple[Role, ...] = ("images", "labels")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One distributed file: `nbytes` and `sha256` are of the file as it is fetched."""

    split: SplitName
    role: Role
    name: str
    shape: tuple[int, ...]
    nbytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Record:
    """One dataset. `files` is empty where the files are made by code."""

    name: str
    title: str
    classes: tuple[str, ...]
    license: str
    source: str
    files: tuple[FileRecord, ...] = ()

    def shape(self, split: SplitName, role: Role) -> tuple[int, ...] | None:
        """The dims that file must have, or None where the record has no such file."""
        for file in self.files:
            if (file.split, file.role) == (split, role):
                return file.shape
        return None


def _mnist_files(
    facts: tuple[tuple[int, str], tuple[int, str], tuple[int, str], tuple[int, str]],
) -> tuple[FileRecord, ...]:
    """The four files of a dataset that took over MNIST's names and shapes."""
    layout: tuple[tuple[SplitName, Role, str, tuple[int, ...]], ...] = (
        ("train", "images", "train-images-idx3-ubyte.gz", (60_000, 28, 28)),
        ("train", "labels", "train-labels-idx1-ubyte.gz", (60_000,)),
        ("test", "images", "t10k-images-idx3-ubyte.gz", (10_000, 28, 28)),
        ("test", "labels", "t10k-labels-idx1-ubyte.gz", (10_000,)),
    )
    return tuple(
        FileRecord(*place, nbytes, sha256)
        for place, (nbytes, sha256) in zip(layout, facts, strict=True)
    )


DIGITS = tuple(str(digit) for digit in range(10))

RECORDS: dict[str, Record] = {
    record.name: record
    for record in (
        Record(
            name="glyphs",
            title="glyphs: digits drawn by this package's own code",
            classes=DIGITS,
            license="as this package",
            source="idxdata.synthetic",
        ),
        Record(
            name="mnist",
            title="MNIST",
            classes=DIGITS,
            license="unclear: Keras says CC BY-SA 3.0, the authors do not say",
            source="LeCun, Cortes, Burges: The MNIST database of handwritten digits",
            files=_mnist_files(
                (
                    (
                        9_912_422,
                        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    ),
                    (
                        28_881,
                        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    ),
                    (
                        1_648_877,
                        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    ),
                    (
                        4_542,
                        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    ),
                )
            ),
        ),
        Record(
            name="fashion_mnist",
            title="Fashion-MNIST",
            classes=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            license="MIT (Zalando SE)",
            source="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747",
            files=_mnist_files(
                (
                    (
                        26_421_880,
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    ),
                    (
                        29_515,
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    ),
                    (
                        4_422_102,
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    ),
                    (
                        5_148,
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    ),
                )
            ),
        ),
    )
}


def find(name: str) -> Record:
    """The record called `name`.

    Raises `CatalogueError`, with the nearest known name as its hint, if there is
    none.
    """
    try:
        return RECORDS[name]
    except KeyError:
        near = difflib.get_close_matches(name.lower(), RECORDS, n=1, cutoff=0.5)
        raise CatalogueError(
            "no dataset of this name",
            expected="one of " + ", ".join(RECORDS),
            found=repr(name),
            hint=f"did you mean {near[0]!r}?"
            if near
            else "a folder is named by a path, such as './digits'",
        ) from None
