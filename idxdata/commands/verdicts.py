"""What `verify` says of one file: sound or not, published or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from idxdata.catalogue import RECORDS, Record
from idxdata.commands.checking import (
    Array,
    Digests,
    check_arrays,
    hash_file,
    is_named_as_data,
)
from idxdata.commands.file_facts import without_path
from idxdata.commands.published import Published, by_hash, by_name, by_spelling
from idxdata.errors import HeaderError, IdxDataError

State = Literal["published", "sound", "passed over", "differs", "damaged", "missing"]

_MAX_TITLES = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one file; `text` says it in words.

    "published": every byte is as the catalogue has it. "sound": decoded and whole,
    and nothing published speaks against it. "passed over": no data, and no name of
    any. "differs": it goes by a published name, and is another. "damaged",
    "missing": as they say.
    """

    path: str
    state: State
    text: str
    nbytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    arrays: tuple[Array, ...] = ()


def judge(
    path: Path, *, record: Record | None = None, is_asked_for: bool = True
) -> Verdict:
    """Read and decode the whole file; nothing its bytes could do raises.

    `record`: the dataset whose file it should be, alone compared with. What is no
    IDX data at all is passed over unless it `is_asked_for` or has the name of data.
    """
    is_data = is_asked_for or is_named_as_data(path.name)
    try:
        digests = hash_file(path)
    except FileNotFoundError:
        return Verdict(str(path), "missing", "no such file")
    except (OSError, ValueError) as error:
        return Verdict(str(path), "damaged", f"cannot be read: {without_path(error)}")
    facts = (digests.nbytes, digests.sha256, digests.md5)
    try:
        arrays = check_arrays(path)
    except (IdxDataError, OSError, MemoryError) as error:
        if not is_data and _is_no_data(error):
            return Verdict(str(path), "passed over", "no IDX data", *facts)
        return Verdict(str(path), "damaged", without_path(error), *facts)
    state, text = _compare(path.name, digests, arrays, record)
    return Verdict(str(path), state, text, *facts, arrays)


def judge_together(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts on the files of one folder, each in the light of the others.

    Where a file is a dataset's as published, another that has a name of that dataset
    should be its too: it "differs" if it is not, though it may be another dataset's.
    """
    published = [digests for one in verdicts if (digests := _published(one))]
    records = [
        record
        for record in RECORDS.values()
        if any(by_hash(digests, (record,)) for digests in published)
    ]
    return [_judge_beside(one, records) for one in verdicts]


def _published(verdict: Verdict) -> Digests | None:
    return _digests(verdict) if verdict.state == "published" else None


def _digests(verdict: Verdict) -> Digests | None:
    if verdict.nbytes is None or verdict.sha256 is None or verdict.md5 is None:
        return None
    return Digests(verdict.nbytes, verdict.sha256, verdict.md5)


def _judge_beside(verdict: Verdict, records: Sequence[Record]) -> Verdict:
    name, digests = Path(verdict.path).name, _digests(verdict)
    named = [record for record in records if by_name(name, (record,))]
    if verdict.state != "sound" or digests is None or not named:
        return verdict
    state, text = _compare(name, digests, verdict.arrays, named[0])
    return replace(verdict, state=state, text=text)


def _is_no_data(error: Exception) -> bool:
    return isinstance(error, HeaderError) and error.offset == 0


def _compare(
    name: str, digests: Digests, arrays: tuple[Array, ...], record: Record | None
) -> tuple[State, str]:
    records = None if record is None else (record,)
    known = by_hash(digests, records)
    if known is not None:
        taken = _name_of_another(name, known, digests, records)
        if taken:
            return "differs", f"has the name of {_titles(taken)}, but is {known.title}"
        by = "" if known.sha256 else "; by its md5, a SHA-256 is not published"
        return "published", f"{known.title}, as published{by}"
    named = by_name(name, records)
    fitting = [one for one in named if _fits(one, arrays)]
    # A raw file, or one packed otherwise, has no published hash.
    unpacked = [one for one in by_spelling(name, records) if _fits(one, arrays)]
    match named, fitting, unpacked:
        case [_, *_], [], _ if record is not None:
            return "differs", f"has the name of {_titles(named)}, but {_shape(arrays)}"
        case _, [_, *_], _ if all(one.has_hash for one in fitting):
            return "differs", f"has the name of {_titles(fitting)}, but another hash"
        case _, [_, *_], _:
            free = [one for one in fitting if not one.has_hash]
            return "sound", f"may be {_titles(free)}; no hash of it is published"
        case [], _, [_, *_]:
            text = "hashes are published of the packed file alone"
            return "sound", f"may be {_titles(unpacked)}; {text}"
    return "sound", f"not in the catalogue; {_shape(arrays)}"


def _name_of_another(
    name: str,
    known: Published,
    digests: Digests,
    records: tuple[Record, ...] | None,
) -> list[Published]:
    """The files of the same dataset whose name the file has, which it is not."""
    if name in known.spellings:
        return []
    own = [one for one in records or RECORDS.values() if by_hash(digests, (one,))]
    return by_spelling(name, own)


def _fits(one: Published, arrays: tuple[Array, ...]) -> bool:
    """Whether the shape could be that file's; an archive's or an .npz's always could."""
    file = one.file
    if file is None or file.kind == "npz" or len(arrays) != 1:
        return True
    return file.fits(arrays[0].shape) and file.dtype == arrays[0].dtype


def _titles(several: list[Published]) -> str:
    titles = [one.title for one in several]
    left = len(titles) - _MAX_TITLES
    text = " or ".join(titles[:_MAX_TITLES])
    return f"{text} or {left} more" if left > 0 else text


def _shape(arrays: tuple[Array, ...]) -> str:
    if len(arrays) != 1:
        return f"{len(arrays)} arrays"
    return f"{arrays[0].dtype} {' x '.join(map(str, arrays[0].shape))}"
