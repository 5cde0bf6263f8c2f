"""One attempt at one mirror: the rest of a file, or all of it, into its part."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

from idxdata.fetching.checking import LOOK_NBYTES, check_kind
from idxdata.fetching.failures import Failure, of_network
from idxdata.fetching.parts import Origin, Part
from idxdata.fetching.remote import Remote
from idxdata.progress import progress_bar

Ask = Callable[..., Any]
"""`sessions.Client.ask`."""

MAX_UNKNOWN_NBYTES = 1 << 32
"""Of a file whose size neither was published nor is told: a server may never end."""

_PIECE_NBYTES = 1 << 16
_MIN_BYTES_PER_S = 100
"""Slower than this over the time of a timeout, a transfer counts as stalled."""

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_NUMBER = re.compile(r"[0-9]{1,18}")
_STRONG_TAG = re.compile(r'"[!#-~]*"')
_DATE = re.compile(r"[A-Z][ -~]+")
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Statuses that may be gone a moment later."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Which bytes of the file an answer holds, and of how many; None: not told."""

    start: int
    stop: int | None
    total: int | None


def transfer(
    ask: Ask, remote: Remote, url: str, part: Part, *, resume: bool, timeout_s: float
) -> int:
    """Have all of the file in `part`; returns at which byte the answer began.

    With `resume` what is there is gone on with where that is sound. With a hash, bytes
    of any mirror are: the hash tells at the end. Without, only those of the same address
    with the same strong ETag, which the server must repeat. The file's kind is checked
    at its first bytes, its size as soon as it is known.

    Raises `Failure`. What came of use is in the part then, and what was there before is
    kept until there is better. `OSError` if the part cannot be written.
    """
    origin = part.origin() if resume else None
    start, headers = _resume_point(remote, url, origin, part.nbytes)
    answer = ask(url, headers, only_trustworthy=remote.digest is None)
    with closing(answer) as response:
        status = response.status_code
        if start and status == _NOT_SATISFIABLE:
            if _is_end(response, start) and remote.digest is not None:
                return start
            raise Failure("nothing behind what was there", cannot_resume=True)
        if status == _PARTIAL:
            span = _part_told(response, remote, start)
            if start and remote.digest is None and not _is_sure(response, span, origin):
                raise Failure("does not say of what it sends", cannot_resume=True)
        elif status == _OK:
            length = _length_told(response)
            span = _Span(0, length, length)
        else:
            reason = f"HTTP {status} {response.reason or ''}"
            raise Failure(reason, can_retry=status in _PASSING)
        _receive(response, remote, url, part, span, _Pace(timeout_s))
        return span.start


def _resume_point(
    remote: Remote, url: str, origin: Origin | None, nbytes: int
) -> tuple[int, dict[str, str]]:
    """How many bytes need not be asked for, and the headers that say so."""
    if origin is None or (remote.nbytes is not None and nbytes >= remote.nbytes):
        return 0, {}
    headers = {"Range": f"bytes={nbytes}-"}
    if origin.url == url and origin.validator and _can_be_sent(origin.validator):
        headers["If-Range"] = origin.validator
    if remote.digest is None and not _is_strong(headers.get("If-Range", "")):
        return 0, {}
    return nbytes, headers


def _part_told(response: Any, remote: Remote, asked: int) -> _Span:
    """What a 206 says it holds. Raises `Failure` if that is not what was asked for."""
    text = response.headers.get("Content-Range", "")
    match = _CONTENT_RANGE.fullmatch(text.strip())
    if match is not None:
        first, last = int(match[1]), int(match[2])
        total = None if match[3] == "*" else int(match[3])
        length = _length_told(response)
        if (
            first == asked
            and last >= first
            and (asked or last + 1 == total)
            and (total is None or last < total)
            and (total is None or remote.nbytes in (None, total))
            and length in (None, last + 1 - first)
        ):
            return _Span(first, last + 1, total)
    raise Failure(
        f"asked for bytes from {asked} on, sends {text or 'no Content-Range'!r}",
        cannot_resume=asked > 0,
    )


def _length_told(response: Any) -> int | None:
    if _is_chunked(response):
        return None
    text = response.headers.get("Content-Length", "").strip()
    return int(text) if _NUMBER.fullmatch(text) else None


def _is_chunked(response: Any) -> bool:
    return "chunked" in response.headers.get("Transfer-Encoding", "").lower()


def _is_end(response: Any, nbytes: int) -> bool:
    """Whether a 416 says that the file ends after `nbytes`."""
    text: str = response.headers.get("Content-Range", "")
    return text.strip() == f"bytes */{nbytes}"


def _validator(response: Any) -> str | None:
    """What If-Range may be asked with: a strong ETag, else the date."""
    tag, date = (response.headers.get(name, "") for name in ("ETag", "Last-Modified"))
    if _is_strong(tag):
        return str(tag)
    return str(date) if _can_be_sent(date) else None


def _can_be_sent(validator: str) -> bool:
    return _is_strong(validator) or _DATE.fullmatch(validator) is not None


def _is_strong(validator: str) -> bool:
    """Whether it is a tag of these very bytes; dates and weak tags are not."""
    return _STRONG_TAG.fullmatch(validator) is not None


def _is_sure(response: Any, span: _Span, origin: Origin | None) -> bool:
    """Whether a part is of the same file as what is there, and how long that file is."""
    is_same = origin is not None and response.headers.get("ETag") == origin.validator
    return is_same and span.total is not None


def _receive(
    response: Any, remote: Remote, url: str, part: Part, span: _Span, pace: "_Pace"
) -> None:
    """Write the body of `response` to the part."""
    if (
        span.stop is None
        and remote.nbytes is None
        and remote.digest is None
        and not _is_chunked(response)
    ):
        raise Failure("tells no size, and none is published: it may be cut short")
    pieces = _pieces(response, pace)
    first = next(pieces, b"")
    if not span.start:
        if not first:
            raise Failure("sends nothing", is_wrong_file=True)
        check_kind(remote, first[:LOOK_NBYTES])
    total = remote.nbytes or span.total
    if span.total is not None and span.total != total:
        raise Failure(f"a file of {span.total} bytes, not {total}", is_wrong_file=True)
    limit = span.stop or total or MAX_UNKNOWN_NBYTES
    reached = span.start
    file = part.open(span.start, url, _validator(response))
    with file, _bar(remote, total) as advance:
        advance(reached)
        for piece in chain([first], pieces):
            reached += len(piece)
            if reached > limit:
                # What was there before may be right.
                file.truncate(span.start)
                raise Failure(f"more than {limit} bytes", is_wrong_file=True)
            file.write(piece)
            # What was written is there for who comes after a kill.
            file.flush()
            advance(len(piece))
    if reached < (total or span.stop or 0):
        raise Failure("the transfer broke off", can_retry=True)


def _bar(
    remote: Remote, total: int | None
) -> AbstractContextManager[Callable[[int], None]]:
    if total is None:
        return nullcontext(lambda count: None)
    return progress_bar(f"fetching {remote.name}", total)


def _pieces(response: Any, pace: "_Pace") -> Iterator[bytes]:
    """The body as it comes, at least `LOOK_NBYTES` first, not decoded in any way."""
    head, received = b"", 0
    try:
        while piece := response.raw.read1(_PIECE_NBYTES, decode_content=False):
            head += piece
            received += len(piece)
            pace.check(received)
            if received >= LOOK_NBYTES:
                yield head
                head = b""
    except Failure:
        raise
    except Exception as error:  # noqa: BLE001 - urllib3's, and those of sockets and TLS
        raise of_network(error, pace.length_s) from None
    if head:
        yield head


class _Pace:
    """Ends a transfer of which hardly anything comes for as long as a timeout."""

    def __init__(self, timeout_s: float) -> None:
        self.length_s = timeout_s
        self._begin, self._received = time.monotonic(), 0

    def check(self, received: int) -> None:
        """Say that so many bytes have come in all. Raises `Failure` if they are few."""
        now = time.monotonic()
        if now - self._begin < self.length_s:
            return
        if received - self._received < _MIN_BYTES_PER_S * self.length_s:
            raise Failure("hardly anything comes")
        self._begin, self._received = now, received
