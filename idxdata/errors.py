"""Every error this package raises for bad input, with one message form.

The message is built from attributes, so that a test or a program can look at
`error.offset` or `error.expected` instead of parsing text:

    <path>: <what> at byte <offset>: expected <expected>, found <found>; <hint>

Parts that are not known are left out.
"""

import os

PathLike = str | os.PathLike[str]


class IdxDataError(Exception):
    """Base of all errors of this package.

    Attributes: `what` (the defect in words), `path` (str or None), `offset`
    (byte position in the file, or in the decompressed stream where `what` says
    so; None where no single byte is to blame), `expected`, `found`, `hint`
    (str or None).
    """

    def __init__(
        self,
        what: str,
        *,
        path: PathLike | None = None,
        offset: int | None = None,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        self.what = what
        self.path = None if path is None else os.fspath(path)
        self.offset = offset
        self.expected = expected
        self.found = found
        self.hint = hint
        super().__init__(self._message())

    def _message(self) -> str:
        text = self.what
        if self.path is not None:
            text = f"{self.path}: {text}"
        if self.offset is not None:
            text += f" at byte {self.offset}"
        facts = []
        if self.expected is not None:
            facts.append(f"expected {self.expected}")
        if self.found is not None:
            facts.append(f"found {self.found}")
        if facts:
            text += ": " + ", ".join(facts)
        if self.hint is not None:
            text += f"; {self.hint}"
        return text

    def __str__(self) -> str:
        return self._message()

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the constructor with the message alone and lose
        # the attributes when an error crosses a process boundary.
        return (_restore, (type(self), self.args, self.__dict__))


def _restore(
    kind: type[IdxDataError], args: tuple[object, ...], state: dict[str, object]
) -> IdxDataError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class FormatError(IdxDataError, ValueError):
    """The bytes are not what the format demands."""


class HeaderError(FormatError):
    """Magic, dtype code, ndim or dims are wrong, or the header is cut short."""


class PayloadSizeError(FormatError):
    """The payload is shorter or longer than the header declares."""


class GzipError(FormatError):
    """A gzip member header is wrong, a member is cut short, or foreign bytes follow it."""


class InflateError(GzipError):
    """The DEFLATE stream itself is invalid (RFC 1951)."""


class ChecksumError(GzipError):
    """CRC-32, ISIZE or the header CRC of a gzip member does not match its data."""


class LimitError(IdxDataError, ValueError):
    """Reading would produce more than `max_nbytes` bytes."""


class DatasetError(IdxDataError, ValueError):
    """Files that are sound one by one do not make a dataset together."""


class CacheError(IdxDataError, OSError):
    """A cache entry cannot be made or read."""


class CatalogueError(IdxDataError, LookupError):
    """No dataset of that name is known."""


class FetchError(IdxDataError, OSError):
    """A file cannot be had from any of its mirrors, or may not be asked for.

    `attempts`: what each mirror said, as (URL, text) in the order asked.
    """

    attempts: tuple[tuple[str, str], ...] = ()


class DigestError(FetchError):
    """A file is not the one that was published: its size or its hash differs."""


class PlanError(IdxDataError, ValueError):
    """A plan's arguments do not describe an order of batches."""


class MissingFrameworkError(IdxDataError, ImportError):
    """A package that an optional part needs is not installed: a framework, fsspec."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is not installed", hint=f"pip install 'idxdata[{extra}]'"
        )
        self.package = package
        self.extra = extra
