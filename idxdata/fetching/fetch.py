"""fetch(): a file from the first mirror that has it, checked, published by one rename."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from idxdata.errors import DigestError, FetchError, IdxDataError, PathLike
from idxdata.fetching.checking import check_content
from idxdata.fetching.failures import Failure
from idxdata.fetching.parts import Part
from idxdata.fetching.remote import Remote
from idxdata.fetching.sessions import Client
from idxdata.fetching.transfer import transfer
from idxdata.locks import Lock, named_lock

OFFLINE_VARIABLE = "IDXDATA_OFFLINE"

_PAUSE_S = 0.2
_MAX_PAUSE_S = 2.0
_UNKNOWN_STEP_NBYTES = 1 << 20

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
    its mirrors are asked in turn, over again where one fails in the middle, until
    `tries` requests have together not brought the file further by a hundredth. What came
    is kept, in `.<name>.part`, and gone on with by a range request, at the next mirror
    and in the next process too; without a published hash, only at the same address
    while it has the same strong ETag. Size and hash are checked before the file gets its
    name; then `check`, which may look into it and raise an `IdxDataError`. A file
    without a published hash is taken over https only, or from this machine. Of many
    processes one fetches, and the others wait for it.

    `timeout_s`: for a connection, and for the next bytes. Proxies are those of the
    environment. An interrupted or killed fetch leaves no file of that name.

    Raises `FetchError` if no mirror has it, with what each said in `attempts`, if
    `offline` or `IDXDATA_OFFLINE` is set and it is not there, if something else is there
    (a folder, a link to nothing), or if it cannot be written; `DigestError` if all
    mirrors answered and sent another file.
    """
    if not (timeout_s > 0 and tries >= 1):
        raise ValueError(f"no time or no try: timeout_s {timeout_s}, tries {tries}")
    final = Path(folder) / remote.name
    try:
        if _is_there(final):
            return final
        if offline or is_offline():
            raise _offline_error(remote, final)
        final.parent.mkdir(parents=True, exist_ok=True)
        lock = final.with_name(f".{remote.name}.lock")
        with named_lock(lock, note=f"fetches {remote.name}") as state:
            if not _is_there(final):
                part = Part(final, remote, is_shared=state is Lock.HELD)
                _publish(_Job(remote, part, timeout_s, tries, check), final)
    except FetchError:
        raise
    except OSError as error:
        raise _cannot_write(final, error) from error
    return final


def _is_there(final: Path) -> bool:
    # In this order: another thread may give the file its name in between.
    if not os.path.lexists(final):
        return False
    if final.is_file():
        return True
    raise FetchError(
        "something that is no file has the name of what is to be fetched",
        path=final,
        found="a link to nothing" if final.is_symlink() else None,
        hint="move it away",
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """A part to be filled, and how patiently."""

    remote: Remote
    part: Part
    timeout_s: float
    tries: int
    check: Check | None

    @property
    def step_nbytes(self) -> int:
        """How much further a mirror must bring the part to be asked again for that."""
        nbytes = self.remote.nbytes
        return _UNKNOWN_STEP_NBYTES if nbytes is None else max(1, nbytes // 100)

    def is_whole(self) -> bool:
        """Whether there may be all of the file, and its hash will tell."""
        have_all = self.part.nbytes == self.remote.nbytes
        return have_all and bool(self.remote.digest and self.part.origin())

    def check_part(self) -> None:
        """Raises `Failure`, without the part, if that is not the published file."""
        try:
            check_content(self.remote, self.part.path)
            if self.check is not None:
                self.check(self.part.path)
        except Failure:
            self.part.discard()
            raise
        except IdxDataError as error:
            self.part.discard()
            text = str(error).removeprefix(f"{self.part.path}: ")
            raise Failure(text, is_wrong_file=True) from None


class _AllFailed(Exception):
    def __init__(self, failures: list[tuple[str, Failure]]) -> None:
        super().__init__()
        self.failures = failures


def _publish(job: _Job, final: Path) -> None:
    """Make the file `final`."""
    try:
        _fill(job)
        job.part.publish(final)
    except _AllFailed as failed:
        raise _error(final, failed.failures) from None
    finally:
        job.part.leave()


def _fill(job: _Job) -> None:
    """Have the file in the part, whole and checked. Raises `_AllFailed`."""
    if job.is_whole():
        # Somebody was killed between the last byte and the name.
        try:
            job.check_part()
        except Failure:
            pass
        else:
            return
    failures: list[tuple[str, Failure]] = []
    with Client(job.timeout_s) as client:
        for url in job.remote.urls:
            try:
                _from_mirror(client, url, job)
            except Failure as failure:
                failures.append((url, failure))
            else:
                return
    raise _AllFailed(failures)


def _from_mirror(client: Client, url: str, job: _Job) -> None:
    """Ask one mirror as long as it gets further. Raises its last `Failure`.

    It ends: it goes on only after a step forward, of which a file has a hundred, after
    fewer than `tries` other failures since the last step, and once more from the start
    where the part is wrong.
    """
    resume, is_second_start, idle = True, False, 0
    furthest = job.part.nbytes if job.part.origin() else 0
    while True:
        try:
            start = transfer(
                client.ask, job.remote, url, job.part,
                resume=resume, timeout_s=job.timeout_s,
            )  # fmt: skip
        except Failure as failure:
            if failure.cannot_resume:
                resume = False
                continue
            if job.part.nbytes >= furthest + job.step_nbytes:
                furthest, idle = job.part.nbytes, 0
            else:
                idle += 1
            if not failure.can_retry or idle >= job.tries:
                raise
            resume = True
            time.sleep(min(_PAUSE_S * (idle + 1), _MAX_PAUSE_S))
            continue
        try:
            job.check_part()
        except Failure:
            if start == 0 or is_second_start:
                raise
            # What this mirror did not send, or sent before, may be to blame.
            is_second_start, furthest, idle = True, 0, 0
        else:
            return


def _offline_error(remote: Remote, final: Path) -> FetchError:
    return FetchError(
        "the file is not there, and the network is not to be used",
        path=final,
        expected=f"a file from {remote.urls[0]}" if remote.urls else None,
        hint="put it there by hand, or let it be fetched: without --offline, "
        f"download=False and {OFFLINE_VARIABLE}",
    )


def _cannot_write(final: Path, error: OSError) -> FetchError:
    text = error.strerror or str(error)
    if error.filename is not None and os.fspath(error.filename) != os.fspath(final):
        text = f"{text} ({error.filename})"
    return FetchError(
        "cannot write what is fetched",
        path=final,
        found=text,
        hint="make room there, or set IDXDATA_CACHE to a folder that can be written",
    )


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
