"""EMNIST: six splits, from one zip archive of gzip files."""

import string

from idxdata.catalogue.records import DIGITS, ROLES, ArchiveRecord, FileRecord, Record

_BY_CLASS = (*DIGITS, *string.ascii_uppercase, *string.ascii_lowercase)
# Lower-case letters that look like their upper case are one class with it.
_MERGED = (*DIGITS, *string.ascii_uppercase, *"abdefghnqrt")
_LETTERS = ("N/A", *string.ascii_lowercase)

ARCHIVES = (
    ArchiveRecord(
        name="gzip.zip",
        urls=("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
        nbytes=561_753_746,
        sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        md5="58c8d27c78d21e728a6bc7b3cc06412e",
    ),
    # Other bytes of a zip with the same members.
    ArchiveRecord(
        name="emnist-gzip.zip",
        urls=(
            "https://rds.westernsydney.edu.au/Institutes/MARCS/BENS/EMNIST/emnist-gzip.zip",
        ),
        nbytes=None,
        sha256="909a2a39c5e86bdd7662425e9b9c4a49bb582bf8d0edad427f3c3a9d0c6f7259",
    ),
)

_QUIRKS = (
    "images are stored column by column; here they are upright",
    "one archive of 562 MB for all six splits; no hashes of its members are published",
    "the keepers' page has moved twice; older addresses are dead",
)


def _record(
    split: str,
    counts: tuple[int, int],
    classes: tuple[str, ...],
    *,
    first_label: int = 0,
    quirks: tuple[str, ...] = (),
) -> Record:
    files = tuple(
        FileRecord(
            split=part,
            role=role,
            name=f"emnist-{split}-{part}-{role}-idx{1 + len(shape)}-ubyte.gz",
            shape=(count, *shape),
        )
        for part, count in zip(("train", "test"), counts, strict=True)
        for role, shape in zip(ROLES, ((28, 28), ()), strict=True)
    )
    return Record(
        name=f"emnist/{split}",
        title=f"EMNIST {split}",
        classes=classes,
        license="not stated; the keepers' page is said to mention non-commercial use",
        citation="Cohen, Afshar, Tapson, van Schaik: EMNIST, arXiv:1702.05373",
        homepage="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        folder="emnist",
        files=files,
        archives=ARCHIVES,
        archive_folder="gzip/",
        has_transposed_images=True,
        first_label=first_label,
        quirks=(*_QUIRKS, *quirks),
        sources=_SOURCES,
    )


_SOURCES = (
    "torchvision 0.29.2 wheel torchvision/datasets/mnist.py",
    "pytorch/vision@01c11a0 torchvision/prototype/datasets/_builtin/mnist.py",
    "tensorflow_datasets 4.9.10 wheel url_checksums/emnist.txt",
    "JuliaML/MLDatasets.jl src/datasets/vision/emnist.jl",
    "hosford42/EMNIST emnist/__init__.py",
)

EMNIST = (
    _record("byclass", (697_932, 116_323), _BY_CLASS),
    _record(
        "bymerge",
        (697_932, 116_323),
        _MERGED,
        quirks=("labels are 0 to 46, without gaps",),
    ),
    _record(
        "balanced",
        (112_800, 18_800),
        _MERGED,
        quirks=("labels are 0 to 46, without gaps",),
    ),
    _record(
        "letters",
        (124_800, 20_800),
        _LETTERS,
        first_label=1,
        quirks=(
            (
                "labels are 1 to 26, as the keepers say; class 0 is called N/A and empty. "
                "Upper and lower case are one class"
            ),
            "TFDS hard-codes 88,800 and 14,800 examples of 37 classes and drops the rest",
        ),
    ),
    _record("digits", (240_000, 40_000), DIGITS),
    _record("mnist", (60_000, 10_000), DIGITS),
)
