"""A dataset's files, fetched into its folder where they are not there yet."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from idxdata import catalogue
from idxdata.cache import Cache
from idxdata.catalogue import ArchiveRecord, FileRecord, Record
from idxdata.errors import DatasetError, FetchError, PathLike
from idxdata.idx import read_idx
from idxdata.loading.arrays import check_array
from idxdata.loading.finding import Found, Place, find_known, missing
from idxdata.loading.glyphs import FOLDER as GLYPHS_FOLDER
from idxdata.loading.glyphs import make_glyphs

if TYPE_CHECKING:
    from idxdata.fetching.remote import Remote


def default_place(record: Record, cache: Cache) -> Path:
    """Where a dataset's files lie if nothing else is said."""
    folder = GLYPHS_FOLDER if record.name == "glyphs" else record.folder
    return cache.folder / "datasets" / folder


def fetch_dataset(
    name: str,
    *,
    folder: PathLike | None = None,
    cache: Cache | None = None,
    offline: bool = False,
) -> tuple[Path, ...]:
    """Have the files of the dataset `name` in a folder; returns their paths.

    `folder`: by default `<cache folder>/datasets/<name>` of `cache` (default:
    `Cache()`); made if need be. What is there, in any spelling, is not fetched, but
    checked if it has its published name. "glyphs" is drawn. Each file is checked, size
    and hash, before it gets its name; of files without a published hash the content is
    decoded and its shape checked instead. Nothing of an archive is unpacked.

    Raises `CatalogueError` for an unknown name; `DigestError` if a file that is there is
    not the published one; `FetchError` if a file cannot be had, with what each mirror
    said, or is not there and `offline` (or `IDXDATA_OFFLINE`) is set; `DatasetError` for
    datasets that are distributed by nobody.
    """
    record = catalogue.find(name)
    cache = cache or Cache()
    place = default_place(record, cache) if folder is None else Path(folder)
    if record.name == "glyphs":
        if not place.exists():
            make_glyphs(place)
        return tuple(sorted(place.iterdir()))
    found = find_known(record, place)
    for one in {one.path: one for one in found.values()}.values():
        _check_there(record, one)
    lacking = missing(record, found)
    if lacking and record.how_to_make:
        raise DatasetError(
            f"{record.name} is made on your machine, not distributed",
            path=place,
            expected=", ".join(file.name for file in lacking),
            hint=record.how_to_make,
        )
    if lacking and record.archives:
        _fetch_archive(record, place, offline)
    else:
        for file in lacking:
            _fetch(_remote(record, file), place, offline, _content_check(file))
    return _paths(find_known(record, place))


def _check_there(record: Record, found: Found) -> None:
    """Size and hash of a file that is there, if it is as it was published."""
    from idxdata.fetching.checking import check_file

    for archive in record.archives:
        if found.path.name == archive.name:
            check_file(_archive_remote(archive), found.path)
    file = found.file
    if file is not None and found.path.name == file.name:
        check_file(_remote(record, file), found.path)


def _paths(found: Place) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(one.path for one in found.values()))


def _fetch_archive(record: Record, place: Path, offline: bool) -> None:
    errors = []
    for archive in record.archives:
        try:
            _fetch(_archive_remote(archive), place, offline)
            return
        except FetchError as error:
            errors.append(error)
    raise errors[0] if len(errors) == 1 else _joined(record, place, errors)


def _joined(record: Record, place: Path, errors: list[FetchError]) -> FetchError:
    first = errors[0]
    joined = FetchError(
        f"no archive of {record.name} can be had",
        path=place,
        expected=first.expected,
        found=" | ".join(str(error.found or error.what) for error in errors),
        hint=first.hint,
    )
    joined.attempts = tuple(attempt for error in errors for attempt in error.attempts)
    return joined


def _fetch(
    remote: "Remote",
    place: Path,
    offline: bool,
    check: Callable[[Path], None] | None = None,
) -> None:
    # Most data is there already, and need not wait for what speaks HTTP.
    from idxdata.fetching.fetch import fetch

    fetch(remote, place, offline=offline, check=check)


def _content_check(file: FileRecord) -> Callable[[Path], None] | None:
    """For a file whose hash nobody published: that it decodes to what it should."""
    if file.sha256 or file.md5:
        return None

    def check(path: Path) -> None:
        check_array(read_idx(path), file, path)

    return check


def _archive_remote(archive: ArchiveRecord) -> "Remote":
    from idxdata.fetching.remote import Remote

    return Remote(
        archive.name, archive.urls, archive.nbytes, archive.sha256, archive.md5, "zip"
    )


def _remote(record: Record, file: FileRecord) -> "Remote":
    from idxdata.fetching.remote import Remote

    kind = "zip" if file.kind == "npz" else file.kind
    return Remote(
        file.name, record.urls(file), file.nbytes, file.sha256, file.md5, kind
    )
