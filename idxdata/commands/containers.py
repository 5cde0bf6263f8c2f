"""What lies around IDX data: a gzip header, the directory of a zip archive."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from idxdata.errors import FormatError
from idxdata.gunzip import FEXTRA, FIXED_HEADER_NBYTES, FNAME, GZIP_MAGIC
from idxdata.sniff import XZ_MAGIC, ZIP_MAGICS
from idxdata.sources import open_bytes
from idxdata.zip_directory import check_entries, damaged, find_directory

MAX_MEMBERS = 1000
"""Each is opened by reading the directory anew, so the time goes with the square."""

_HEAD_NBYTES = 1 << 17
_PIECE_NBYTES = 1 << 20
_DEFECTS = (zipfile.BadZipFile, ValueError, LookupError, RuntimeError, EOFError)


@dataclass(frozen=True, slots=True)
class GzipHeader:
    """Of the first member: the file name it was made of, and when (seconds since 1970)."""

    name: str | None
    modified_s: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a zip archive; `packed_nbytes`: what it takes there."""

    name: str
    nbytes: int
    packed_nbytes: int


def container_of(path: Path) -> str:
    """ "gzip", "xz", "zip", or "raw" for all else, by the first bytes.

    Raises `OSError` as `open` does, `FormatError` if it is no regular file.
    """
    head = read_head(path, len(XZ_MAGIC))
    if head.startswith(GZIP_MAGIC):
        return "gzip"
    if head.startswith(XZ_MAGIC):
        return "xz"
    return "zip" if head.startswith(ZIP_MAGICS) else "raw"


def read_head(path: Path, nbytes: int) -> bytes:
    """The first bytes; fewer where the file ends. Raises what `container_of` does."""
    with open_bytes(path) as source:
        head = b""
        while len(head) < nbytes and (part := source.file.read(nbytes - len(head))):
            head += part
        return head


def read_gzip_header(path: Path) -> GzipHeader:
    """What the first member's header tells (RFC 1952 2.3); None for what it does not."""
    head = read_head(path, _HEAD_NBYTES)
    if len(head) < FIXED_HEADER_NBYTES:
        return GzipHeader(None, None)
    flags, at = head[3], FIXED_HEADER_NBYTES
    if flags & FEXTRA:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    name = None
    if flags & FNAME and (end := head.find(0, at)) >= 0:
        name = head[at:end].decode("latin-1")
    return GzipHeader(name, int.from_bytes(head[4:8], "little") or None)


def count_gzip_members(path: Path) -> int:
    """How many members the file has; it must be sound, and is decoded whole."""
    count = 0
    member = None
    with open_bytes(path) as source:
        while piece := source.file.read(_PIECE_NBYTES):
            while piece:
                if member is None:
                    piece = piece.lstrip(b"\0")  # padding after the last
                    if not piece:
                        break
                    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
                    count += 1
                member.decompress(piece, _PIECE_NBYTES)
                piece = member.unconsumed_tail
                if member.eof:
                    piece, member = member.unused_data, None
    return count


def zip_members(path: Path) -> list[Member]:
    """The archive's files, without folders and what macOS adds.

    Raises `FormatError` if the directory is damaged, or tells of more than
    `MAX_MEMBERS`.
    """
    with open_bytes(path) as source:
        check_entries(source, find_directory(source))
        try:
            with zipfile.ZipFile(source.file) as archive:
                infos = archive.infolist()
        except _DEFECTS as error:
            raise damaged(source.name, str(error) or type(error).__name__) from None
    members = [
        Member(info.filename, info.file_size, info.compress_size)
        for info in infos
        if not (info.filename.endswith("/") or _is_clutter(info.filename))
    ]
    if len(members) > MAX_MEMBERS:
        raise FormatError(
            "more files in a zip archive than are looked at",
            path=path,
            expected=f"at most {MAX_MEMBERS}",
            found=len(members),
        )
    return members


def _is_clutter(name: str) -> bool:
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"
