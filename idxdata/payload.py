"""An opened IDX file: its header read, its payload pulled piece by piece."""

from collections.abc import Iterator
from contextlib import contextmanager

from idxdata.engine import ENGINES, Engine
from idxdata.errors import FormatError, HeaderError, LimitError, PayloadSizeError
from idxdata.gunzip import MAX_EXPANSION
from idxdata.header import MAGIC_NBYTES, Header, header_nbytes, parse_header
from idxdata.sniff import LOOKAHEAD_NBYTES
from idxdata.sources import Readables
from idxdata.streams import Opened, RawStream, open_stream

_CHUNK_NBYTES = 1 << 20
_MAX_PATH_NBYTES = 4096


class IdxSource:
    """An open IDX file whose header has been read and whose payload has not.

    `header`; `readinto`, `skip` and `finish` go through the payload in order, so a
    caller decides how much of it is in memory at a time. `position` counts the
    payload bytes passed. `is_mappable`: the payload lies in the file as it is, at
    a known place, and `skip` costs nothing.
    """

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._name = opened.name
        self._stream = opened.stream
        self.is_mappable = opened.can_seek
        self.position = 0
        head = self._stream.read(MAGIC_NBYTES)
        try:
            header_nbytes(head)
        except FormatError:
            # Look further, so that the error can say what the file is instead.
            head += self._stream.read(LOOKAHEAD_NBYTES - len(head))
        size = header_nbytes(head, path=self._name)
        head += self._stream.read(size - len(head))
        self.header = parse_header(head, path=self._name)

    @property
    def is_bounded(self) -> bool:
        """Whether `check_size` compares the declared size with what there is.

        It does with raw and gzip data of known size, and zip members. For all else
        the header's word is all there is, so memory must grow with what arrives.
        """
        return self._opened.nbytes is not None

    def check_size(
        self, max_nbytes: int | None = None, *, wanted_nbytes: int | None = None
    ) -> None:
        """Refuse a declared size that cannot be, before anything is allocated.

        Raises `PayloadSizeError` if a raw file's size is not header plus payload,
        or if a gzip file is too small to hold the payload at DEFLATE's best ratio
        of 1032:1; `LimitError` if more than `max_nbytes` are wanted, by default
        the whole payload.
        """
        header, have = self.header, self._opened.nbytes
        wanted = header.nbytes if wanted_nbytes is None else wanted_nbytes
        if max_nbytes is not None and wanted > max_nbytes:
            raise LimitError(
                "payload is larger than max_nbytes",
                path=self._name,
                expected=f"at most {max_nbytes} bytes",
                found=f"{wanted} bytes of {_describe(header)}"
                if wanted < header.nbytes
                else f"{wanted} bytes for {_describe(header)}",
            )
        declared = header.offset + header.nbytes
        if have is None:
            return
        if self._opened.kind == "gzip":
            if declared > have * MAX_EXPANSION:
                raise self._size_error(
                    f"at most {have * MAX_EXPANSION} bytes possible "
                    f"from {have} compressed ones"
                )
        elif declared != have:
            found = have - header.offset
            raise self._size_error(f"{found} bytes", present=found)

    def readinto(self, out: memoryview) -> None:
        """Fill `out` (writable bytes) with the next payload bytes, big-endian.

        Raises `PayloadSizeError` if the payload ends before, and the errors of
        the stream that decodes.
        """
        try:
            filled = self._stream.readinto(out)
        except FormatError as error:
            raise self._with_count(error) from None
        self.position += filled
        if filled < len(out):
            end = self.position
            raise self._size_error(
                f"the end {self.header.nbytes - end} bytes before", present=end
            )

    def skip(self, nbytes: int) -> None:
        """Pass over `nbytes` payload bytes; raises what `readinto` does.

        In a mappable file nothing is read, and whether they are there not noticed.
        """
        if isinstance(self._stream, RawStream) and self.is_mappable:
            self._stream.skip(nbytes)
            self.position += nbytes
            return
        scratch = memoryview(bytearray(min(nbytes, _CHUNK_NBYTES)))
        while nbytes:
            self.readinto(scratch[:nbytes])
            nbytes -= min(nbytes, len(scratch))

    def finish(self) -> None:
        """Check what follows the payload: nothing may, except a sound end of gzip.

        Raises `PayloadSizeError` if the payload goes on, and the errors of the
        stream that decodes.
        """
        if not self._stream.at_end():
            raise self._size_error("at least one byte more")

    def _with_count(self, error: FormatError) -> FormatError:
        """`error`, telling how many examples are missing if data is cut short."""
        if not error.what.endswith("is cut short"):
            return error
        # The stream's own count: what it filled before it failed nobody returned.
        missing = _missing(self.header, self._stream.position - self.header.offset)
        return type(error)(
            error.what,
            path=error.path,
            offset=error.offset,
            expected=error.expected,
            found=error.found,
            hint="; ".join(filter(None, (missing, error.hint))),
        )

    def _size_error(self, found: str, present: int | None = None) -> PayloadSizeError:
        header = self.header
        return PayloadSizeError(
            "payload size does not match the header",
            path=self._name,
            offset=header.offset,
            expected=f"{header.nbytes} bytes for {_describe(header)}",
            found=found,
            hint=None if present is None else _missing(header, present),
        )


def _describe(header: Header) -> str:
    return f"{header.dtype.name} {header.shape}"


def _missing(header: Header, present: int) -> str | None:
    """How many examples a payload of `present` bytes lacks; None if it lacks none."""
    num_examples = header.shape[0]
    if present >= header.nbytes or num_examples < 2:
        return None
    missing = num_examples - max(present, 0) // (header.nbytes // num_examples)
    return f"{missing} of {num_examples} examples are missing"


@contextmanager
def open_source(
    source: Readables,
    *,
    engine: Engine = "auto",
    member: str | None = None,
    peek: bool = False,
) -> Iterator[IdxSource]:
    """The IDX data of `source` with its header read; closed when the block ends.

    Raises `HeaderError`, the errors of `open_stream`, `ValueError` for an unknown
    engine.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}: expected one of {ENGINES}")
    with open_stream(source, engine=engine, member=member, peek=peek) as opened:
        try:
            idx = IdxSource(opened)
        except HeaderError as error:
            raise _with_bytes_hint(error, source) from None
        yield idx


def _with_bytes_hint(error: HeaderError, source: Readables) -> HeaderError:
    """`error`, with a hint where `source` is bytes that may be meant as a path."""
    if (
        error.hint is not None
        or not isinstance(source, bytes)
        or not 0 < len(source) < _MAX_PATH_NBYTES
        or b"\0" in source
    ):
        return error
    return HeaderError(
        error.what,
        path=error.path,
        offset=error.offset,
        expected=error.expected,
        found=error.found,
        hint="bytes are taken as the data; for a path pass a str",
    )
