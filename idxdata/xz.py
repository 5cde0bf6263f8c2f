"""xz data to bytes, pulled piece by piece, with the methods of `GzipStream`.

The standard library's `lzma` decodes and checks one stream (The .xz File Format,
1.2.1); what may lie between and after streams is checked here, where its
`LZMAFile` would pass over foreign bytes.
"""

import lzma
from typing import BinaryIO

from idxdata.errors import FormatError, PathLike
from idxdata.sniff import XZ_MAGIC

_PIECE_NBYTES = 1 << 16
_MAX_PART_NBYTES = 1 << 20
# xz -9 needs 65 MiB. Without a limit a header of some bytes could claim 4 GiB.
_MAX_DECODER_NBYTES = 256 << 20
_PADDING_UNIT = 4
_MEMORY_ERROR = "Memory usage limit exceeded"


class XzStream:
    """The decompressed bytes of all streams of xz data, in order.

    `file` is a binary file at its start; `path` only serves the error text. Not
    thread-safe. Needs about 1 MB and the dictionary that the data asks for, at
    most 256 MiB.

    Every method that decodes raises `FormatError`: data damaged or cut short, a
    check that does not match or that this machine does not know, a dictionary
    above the limit, foreign bytes after the last stream.
    """

    def __init__(self, file: BinaryIO, *, path: PathLike | None = None) -> None:
        self._file = file
        self._path = path
        self._ended = False
        self._read_nbytes = 0
        self.position = 0
        self._start_stream(b"")

    def read(self, nbytes: int) -> bytes:
        """The next `nbytes` decompressed bytes; fewer only where the data ends."""
        out = bytearray(nbytes)
        return bytes(out[: self.readinto(memoryview(out))])

    def readinto(self, out: memoryview) -> int:
        """Fill `out` (writable bytes); returns how many were filled.

        Fewer than `len(out)` only where the data ends, all checks passed.
        """
        filled = 0
        while filled < len(out) and not self._ended:
            part = self._decode(min(len(out) - filled, _MAX_PART_NBYTES))
            out[filled : filled + len(part)] = part
            filled += len(part)
        return filled

    def at_end(self) -> bool:
        """Whether there is no further byte; decodes at most one, which is lost."""
        return self.readinto(memoryview(bytearray(1))) == 0

    def _start_stream(self, head: bytes) -> None:
        self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MAX_DECODER_NBYTES)
        self._ahead = head

    def _next_piece(self) -> bytes:
        piece, self._ahead = self._ahead, b""
        if not piece:
            piece = self._file.read(_PIECE_NBYTES)
            self._read_nbytes += len(piece)
        return piece

    def _decode(self, max_nbytes: int) -> bytes:
        decoder = self._decoder
        piece = b""
        if decoder.needs_input and not (piece := self._next_piece()):
            raise self._error(
                "xz data is cut short",
                f"the end of the file after {self.position} decompressed bytes",
                "the file is truncated; fetch it again",
            )
        try:
            part = decoder.decompress(piece, max_nbytes)
        except lzma.LZMAError as error:
            if str(error) == _MEMORY_ERROR:
                raise FormatError(
                    "xz data needs more memory than is allowed",
                    path=self._path,
                    offset=self._read_nbytes,
                    expected=f"at most {_MAX_DECODER_NBYTES} bytes",
                    found="a larger dictionary",
                    hint="compress it anew with a smaller one, as xz -9 does",
                ) from None
            raise self._error(
                "invalid xz data", str(error), "the file is damaged; fetch it again"
            ) from None
        self.position += len(part)
        if part and not lzma.is_check_supported(decoder.check):
            raise self._error("xz check of an unknown kind", str(decoder.check))
        if decoder.eof:
            self._start_next_or_end(decoder.unused_data)
        return part

    def _start_next_or_end(self, rest: bytes) -> None:
        """Pass over zero padding, in units of four bytes, to a stream or the end."""
        num_zeros = 0
        self._ahead = rest
        while piece := self._next_piece():
            head = piece.lstrip(b"\0")
            num_zeros += len(piece) - len(head)
            if head:
                break
        if num_zeros % _PADDING_UNIT:
            raise self._error("xz padding of an odd size", f"{num_zeros} zero bytes")
        if not piece:
            self._ended = True
        elif head[0] != XZ_MAGIC[0]:
            raise self._error("foreign bytes after xz data", head[:4].hex(" "))
        else:
            self._start_stream(head)

    def _error(self, what: str, found: str, hint: str | None = None) -> FormatError:
        """`FormatError` with the number of compressed bytes read as its offset."""
        return FormatError(
            what, path=self._path, offset=self._read_nbytes, found=found, hint=hint
        )
