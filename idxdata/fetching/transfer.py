"""One attempt at one mirror: the rest of a file, or all of it, into its part."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from idxdata.fetching.checking import LOOK_NBYTES, check_kind
from idxdata.fetching.failures import Failure, of_network
from idxdata.fetching.parts import Part
from idxdata.fetching.remote import Remote, is_trustworthy
from idxdata.progress import progress_bar

if TYPE_CHECKING:
    import requests

_PIECE_NBYTES = 1 << 16
_MIN_BYTES_PER_S = 100
"""Slower than this over the time of a timeout, a transfer counts as stalled."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


class DiskError(Exception):
    """The part cannot be written; the cause is an `OSError`."""


def transfer(
    session: "requests.Session", remote: Remote, url: str, part: Part, timeout_s: float
) -> None:
    """Have all of the file in `part`, going on with what is there where that is sound.

    With a hash, bytes of any mirror may be gone on with: the hash tells at the end.
    Without, only those of the same address that it still vouches for (If-Range). The
    file's kind is checked at its first bytes, its size as soon as it is known.

    Raises `Failure`; the part then holds what came, or nothing if that was of no use.
    `DiskError` if it cannot be written.
    """
    if not remote.has_hash and not is_trustworthy(url):
        raise Failure("not encrypted, and no hash is published to check the file by")
    start, headers = _resume_point(remote, url, part)
    try:
        response = session.get(
            url, headers=headers, stream=True, timeout=(timeout_s, timeout_s)
        )
    except (OSError, ValueError) as error:  # all of requests' are of these two
        raise of_network(error, timeout_s) from None
    with response:
        if start and response.status_code == _NOT_SATISFIABLE:
            if start == remote.nbytes:
                return
            part.discard()
            raise Failure("nothing behind what was there", can_retry=True)
        if response.status_code not in (_OK, _PARTIAL):
            raise Failure(
                f"HTTP {response.status_code} {response.reason or ''}".strip()
            )
        if response.status_code == _PARTIAL:
            _check_range(response, remote, start, part)
        else:
            start = 0
        _receive(response, remote, url, part, start, timeout_s)


def _resume_point(remote: Remote, url: str, part: Part) -> tuple[int, dict[str, str]]:
    """How many bytes need not be asked for, and the headers that say so."""
    origin = part.origin()
    if origin is None:
        return 0, {}
    start = part.nbytes
    headers = {"Range": f"bytes={start}-"}
    if origin.url == url and origin.validator:
        headers["If-Range"] = origin.validator
    elif not remote.has_hash:
        return 0, {}
    if remote.nbytes is not None and start > remote.nbytes:
        return 0, {}
    return start, headers


def _check_range(response: Any, remote: Remote, start: int, part: Part) -> None:
    text = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(text.strip())
    total = match and match[3]
    if (
        match is None
        or int(match[1]) != start
        or (total != "*" and remote.nbytes is not None and int(total) != remote.nbytes)  # type: ignore[arg-type]
    ):
        part.discard()
        raise Failure(
            f"asked for bytes from {start} on, sends {text or 'no Content-Range'!r}",
            can_retry=True,
        )


def _receive(
    response: Any, remote: Remote, url: str, part: Part, start: int, timeout_s: float
) -> None:
    """The body of `response`, which begins at byte `start` of the file."""
    length = _content_length(response)
    total = remote.nbytes
    pieces = _pieces(response, timeout_s)
    first = next(pieces, b"")
    if not start and first:
        check_kind(remote, first[:LOOK_NBYTES])
    if length is not None:
        if total is not None and start + length != total:
            raise Failure(
                f"a file of {start + length} bytes, not {total}", is_wrong_file=True
            )
        total = start + length
    with _writing(part.path):
        part.note(url, _validator(response))
        file = part.path.open("r+b" if start else "wb")
    received = 0
    with file, progress_bar(f"fetching {remote.name}", total or 0) as advance:
        file.seek(start)
        advance(start)
        for piece in chain([first], pieces):
            received += len(piece)
            if total is not None and start + received > total:
                raise Failure(f"more than {total} bytes", is_wrong_file=True)
            with _writing(part.path):
                file.write(piece)
                # What was written is there for who comes after a kill.
                file.flush()
            advance(len(piece))
    if length is not None and received != length:
        raise Failure("the transfer broke off", can_retry=True)
    if not start and not received:
        raise Failure("sends nothing", is_wrong_file=True)


def _content_length(response: Any) -> int | None:
    text = response.headers.get("Content-Length", "")
    return int(text) if text.isdecimal() else None


def _validator(response: Any) -> str | None:
    """What If-Range may be asked with: a strong ETag, else the date."""
    tag = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return str(tag)
    date = response.headers.get("Last-Modified")
    return str(date) if date else None


def _pieces(response: Any, timeout_s: float) -> Iterator[bytes]:
    """The body as it comes, at least `LOOK_NBYTES` first, not decoded in any way."""
    head, received, window = b"", 0, _Window(timeout_s)
    try:
        while piece := response.raw.read1(_PIECE_NBYTES, decode_content=False):
            head += piece
            received += len(piece)
            window.check(received)
            if received >= LOOK_NBYTES:
                yield head
                head = b""
    except Failure:
        raise
    except Exception as error:  # noqa: BLE001 - urllib3's, and those of sockets and TLS
        raise of_network(error, timeout_s) from None
    if head:
        yield head


class _Window:
    """Ends a transfer of which hardly anything comes for as long as a timeout."""

    def __init__(self, timeout_s: float) -> None:
        self._length_s = timeout_s
        self._begin, self._received = time.monotonic(), 0

    def check(self, received: int) -> None:
        now = time.monotonic()
        if now - self._begin < self._length_s:
            return
        if received - self._received < _MIN_BYTES_PER_S * self._length_s:
            raise Failure("hardly anything comes")
        self._begin, self._received = now, received


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskError(str(path)) from error
