"""The error tree: what a caller may catch, what an error carries, how it reads."""

import copy
import pickle

import pytest

from idxdata import (
    CacheError,
    CatalogueError,
    ChecksumError,
    DatasetError,
    FormatError,
    GzipError,
    HeaderError,
    IdxDataError,
    InflateError,
    LimitError,
    MissingFrameworkError,
    PayloadSizeError,
    PlanError,
)

KINDS = [
    (FormatError, ValueError),
    (HeaderError, FormatError),
    (PayloadSizeError, FormatError),
    (GzipError, FormatError),
    (InflateError, GzipError),
    (ChecksumError, GzipError),
    (LimitError, ValueError),
    (DatasetError, ValueError),
    (CacheError, OSError),
    (CatalogueError, LookupError),
    (PlanError, ValueError),
]


@pytest.mark.parametrize(("kind", "base"), KINDS)
def test_every_error_is_ours_and_a_builtin_one(
    kind: type[IdxDataError], base: type[Exception]
) -> None:
    assert issubclass(kind, IdxDataError)
    assert issubclass(kind, base)


def test_message_has_one_form() -> None:
    error = GzipError(
        "file is torn", path="a/b.gz", offset=7, expected="x", found=0, hint="mend it"
    )
    assert str(error) == "a/b.gz: file is torn at byte 7: expected x, found 0; mend it"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "torn"),
        ({"path": "p"}, "p: torn"),
        ({"offset": 0}, "torn at byte 0"),
        ({"expected": 1}, "torn: expected 1"),
        ({"found": 2}, "torn: found 2"),
        ({"hint": "mend it"}, "torn; mend it"),
    ],
)
def test_unknown_parts_are_left_out(parts: dict[str, object], message: str) -> None:
    error = IdxDataError("torn", **parts)  # type: ignore[arg-type]
    assert str(error) == message
    assert error.args == (message,)


@pytest.mark.parametrize("kind", [kind for kind, _ in KINDS])
@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_attributes_survive_a_process_boundary(
    kind: type[IdxDataError], duplicate: object
) -> None:
    error = kind("torn", path="p", offset=3, expected=(1, 2), found="f", hint="h")
    twin = duplicate(error)  # type: ignore[operator]
    assert type(twin) is kind
    assert str(twin) == str(error)
    assert (twin.args, repr(twin)) == (error.args, repr(error))
    assert (twin.what, twin.path, twin.offset) == ("torn", "p", 3)
    assert (twin.expected, twin.found, twin.hint) == ((1, 2), "f", "h")


def test_missing_framework_names_the_package_and_the_remedy() -> None:
    error = MissingFrameworkError("torch", "torch")
    assert isinstance(error, ImportError)
    for twin in (error, pickle.loads(pickle.dumps(error))):
        assert (twin.package, twin.extra) == ("torch", "torch")
        assert twin.hint == "pip install 'idxdata[torch]'"
        assert str(twin).startswith("torch is not installed")
