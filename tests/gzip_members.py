"""gzip members built field by field (RFC 1952), sound or not, with every offset known."""

import zlib
from dataclasses import dataclass

FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class Member:
    """The bytes of one member and where each of its fields lies in them.

    `spans` has the fields that are present, in file order, of: magic, method,
    flags, mtime, xfl, os, xlen, extra, name, comment, header_crc, deflate, crc32,
    isize. `name` and `comment` end with their zero byte.
    """

    raw: bytes
    spans: dict[str, range]

    def __len__(self) -> int:
        return len(self.raw)


def deflate(data: bytes, level: int = 6) -> bytes:
    """`data` as a DEFLATE stream of its own."""
    deflater = zlib.compressobj(level, wbits=-15)
    return deflater.compress(data) + deflater.flush()


def stored(data: bytes, *, final: bool = False) -> bytes:
    """`data` as one stored block, which starts and ends at a whole byte."""
    length = len(data).to_bytes(2, "little")
    return bytes([final]) + length + bytes(b ^ 0xFF for b in length) + data


def member(
    data: bytes = b"",
    *,
    deflated: bytes | None = None,
    magic: bytes = b"\x1f\x8b",
    method: int = 8,
    more_flags: int = 0,
    extra: bytes | None = None,
    name: bytes | None = None,
    comment: bytes | None = None,
    header_crc: bool = False,
    header_crc_error: int = 0,
    crc32_error: int = 0,
    isize_error: int = 0,
) -> Member:
    """A member that holds `data`, sound unless told otherwise.

    `deflated` replaces the DEFLATE stream; `more_flags` are set beside the flags of
    the fields given; the three `..._error` are XORed onto the right value.
    """
    flags = more_flags
    for value, flag in ((extra, FEXTRA), (name, FNAME), (comment, FCOMMENT)):
        flags |= flag if value is not None else 0
    flags |= FHCRC if header_crc else 0
    fields = {
        "magic": magic,
        "method": bytes([method]),
        "flags": bytes([flags]),
        "mtime": b"\x01\x02\x03\x04",
        "xfl": b"\x02",
        "os": b"\xff",
    }
    if extra is not None:
        fields["xlen"] = len(extra).to_bytes(2, "little")
        fields["extra"] = extra
    if name is not None:
        fields["name"] = name + b"\0"
    if comment is not None:
        fields["comment"] = comment + b"\0"
    if header_crc:
        crc = zlib.crc32(b"".join(fields.values())) & 0xFFFF ^ header_crc_error
        fields["header_crc"] = crc.to_bytes(2, "little")
    fields["deflate"] = deflate(data) if deflated is None else deflated
    fields["crc32"] = (zlib.crc32(data) ^ crc32_error).to_bytes(4, "little")
    fields["isize"] = (len(data) % 2**32 ^ isize_error).to_bytes(4, "little")
    spans, raw = {}, b""
    for field, content in fields.items():
        spans[field] = range(len(raw), len(raw) + len(content))
        raw += content
    return Member(raw, spans)


def with_all_fields(data: bytes, *, header_crc: bool = True) -> Member:
    """A member that holds `data` and every optional field there is."""
    return member(
        data,
        more_flags=FTEXT,
        extra=b"AB\x02\x00xy",
        name=b"digits",
        comment=b"two words",
        header_crc=header_crc,
    )
