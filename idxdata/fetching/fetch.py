"""fetch(): a file from the first mirror that has it, checked, published by one rename."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from idxdata.errors import DigestError, FetchError, IdxDataError, PathLike
from idxdata.fetching.checking import check_content
from idxdata.fetching.failures import Failure
from idxdata.fetching.parts import Part
from idxdata.fetching.remote import Remote
from idxdata.fetching.sessions import new_session
from idxdata.fetching.transfer import DiskError, transfer
from idxdata.locks import Lock, named_lock

OFFLINE_VARIABLE = "IDXDATA_OFFLINE"

_MAX_ATTEMPTS = 20
"""At one mirror, however little it advances each time."""

_PAUSE_S = 0.2

Check = Callable[[Path], None]


def is_offline() -> bool:
    """Whether the environment says that the network is not to be used."""
    return os.environ.get(OFFLINE_VARIABLE, "") not in ("", "0")


def fetch(
    remote: Remote,
    folder: PathLike,
    *,
    offline: bool = False,
    timeout_s: float = 30.0,
    tries: int = 2,
    check: Check | None = None,
) -> Path:
    """The path of the file `remote` in `folder`, which is made if need be.

    If a file of that name is there it is taken as it is, and no network is used. Else
    its mirrors are asked in turn, over again where one fails in the middle: `tries`
    times without a new byte. What came is kept, in `.<name>.part`, and gone on with by
    a range request, at the next mirror and in the next process too. Size and hash are
    checked before the file gets its name; then `check`, which may look into it and
    raise an `IdxDataError`. A file without a published hash is taken from encrypted
    mirrors only. Of many processes one fetches, and the others wait for it.

    `timeout_s`: for a connection, and for the next bytes. Proxies are those of the
    environment. An interrupted or killed fetch leaves no file of that name.

    Raises `FetchError` if no mirror has it, with what each said in `attempts`, if
    `offline` or `IDXDATA_OFFLINE` is set and it is not there, or if it cannot be
    written; `DigestError` if all that answered sent another file.
    """
    final = Path(folder) / remote.name
    if final.is_file():
        return final
    if offline or is_offline():
        raise FetchError(
            "the file is not there, and the network is not to be used",
            path=final,
            expected=f"a file from {remote.urls[0]}" if remote.urls else None,
            hint="put it there by hand, or let it be fetched: without --offline, "
            f"download=False and {OFFLINE_VARIABLE}",
        )
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = final.with_name(f".{remote.name}.lock")
        with named_lock(lock, note=f"fetches {remote.name}") as state:
            if not final.is_file():
                part = Part(final.parent, remote, is_shared=state is Lock.HELD)
                _from_mirrors(remote, part, final, (timeout_s, tries, check))
    except DiskError as error:
        raise _cannot_write(final, error.__cause__) from error
    except FetchError:
        raise
    except OSError as error:
        raise _cannot_write(final, error) from error
    return final


def _cannot_write(final: Path, error: BaseException | None) -> FetchError:
    text = getattr(error, "strerror", None) or str(error)
    return FetchError(
        "cannot write what is fetched",
        path=final,
        found=text,
        hint="set IDXDATA_CACHE to a folder with room that can be written",
    )


def _from_mirrors(
    remote: Remote, part: Part, final: Path, manner: tuple[float, int, Check | None]
) -> None:
    """Fill `part` from the first mirror that can, and give it its name."""
    failures: list[tuple[str, Failure]] = []
    with new_session() as session:
        for url in remote.urls:
            try:
                _from_mirror(session, remote, url, part, manner)
            except Failure as failure:
                failures.append((url, failure))
            else:
                part.publish(final)
                return
    raise _error(final, failures)


def _from_mirror(
    session: object,
    remote: Remote,
    url: str,
    part: Part,
    manner: tuple[float, int, Check | None],
) -> None:
    """Try one mirror as long as it gets further. Raises its last `Failure`."""
    timeout_s, tries, check = manner
    idle = 0
    for attempt in range(_MAX_ATTEMPTS):
        before = part.nbytes if part.origin() else 0
        try:
            transfer(session, remote, url, part, timeout_s)  # type: ignore[arg-type]
            _check(remote, part, check)
        except Failure as failure:
            if failure.is_wrong_file:
                part.discard()
                if before and attempt + 1 < _MAX_ATTEMPTS:
                    continue  # what was there before may be to blame
                raise
            idle = 0 if part.nbytes > before else idle + 1
            if not failure.can_retry or idle >= tries or attempt + 1 == _MAX_ATTEMPTS:
                raise
            time.sleep(_PAUSE_S * (attempt + 1))
        else:
            return


def _check(remote: Remote, part: Part, check: Check | None) -> None:
    check_content(remote, part.path)
    if check is not None:
        try:
            check(part.path)
        except IdxDataError as error:
            text = str(error).removeprefix(f"{part.path}: ")
            raise Failure(text, is_wrong_file=True) from None


def _error(final: Path, failures: list[tuple[str, Failure]]) -> FetchError:
    are_wrong = bool(failures) and all(failure.is_wrong_file for _, failure in failures)
    kind = DigestError if are_wrong else FetchError
    error = kind(
        "every mirror sends another file than was published"
        if are_wrong
        else "cannot be fetched from any mirror",
        path=final,
        found=" | ".join(f"{failure} ({url})" for url, failure in failures)
        or "no mirrors at all",
        hint="if you have the file, put it there by hand",
    )
    error.attempts = tuple((url, str(failure)) for url, failure in failures)
    return error
