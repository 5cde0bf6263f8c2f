"""`fetch`: a dataset's files in their folder, downloaded where they are not there."""

import argparse
from pathlib import Path
from typing import Any

from idxdata.catalogue import RECORDS, find
from idxdata.commands.printing import print_json, safe, size_text
from idxdata.errors import DatasetError, FetchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="datasets; idxdata list tells them")
    add("--all", action="store_true", help="all that can be downloaded: gigabytes")
    add("--folder", metavar="DIR", help="put the files there; default: the cache")
    add("--offline", action="store_true", help="use no network: fail if any is missing")
    add("--json", action="store_true", help="print one JSON list, a dataset an object")


def main(args: argparse.Namespace) -> int:
    """Fetch each dataset, also after one has failed, and tell its files.

    Raises `CatalogueError` for an unknown name before anything is fetched;
    `ExceptionGroup` of `FetchError` and `DatasetError` at the end, if any was raised;
    `ValueError` for `--folder` with several datasets, whose files have the same names,
    and for neither names nor `--all`.
    """
    if bool(args.names) == args.all:
        raise ValueError("fetch takes names of datasets, or --all")
    names = list(dict.fromkeys(find(name).name for name in args.names)) or _all()
    if args.folder is not None and len(names) > 1:
        raise ValueError(
            "--folder goes with one dataset: others have files of its names"
        )
    found, errors = [], []
    for name in names:
        try:
            facts = _fetch(name, args.folder, args.offline)
        except (FetchError, DatasetError) as error:
            errors.append(error)
            continue
        found.append(facts)
        if not args.json:
            _print(facts)
    if args.json:
        print_json(found)
    if errors:
        raise ExceptionGroup("not all could be fetched", errors)
    return 0


def _all() -> list[str]:
    return [one.name for one in RECORDS.values() if one.mirrors or one.archives]


def _fetch(name: str, folder: str | None, offline: bool) -> dict[str, Any]:
    from idxdata.commands.placing import files_in, place_of
    from idxdata.loading import fetch_dataset

    place = place_of(find(name), folder)
    before = files_in(place)
    paths = fetch_dataset(name, folder=folder, offline=offline)
    files = [
        {
            "path": str(path),
            "nbytes": path.stat().st_size,
            "was_there": Path(path) in before,
        }
        for path in paths
    ]
    return {"name": name, "folder": str(place), "files": files}


def _print(facts: dict[str, Any]) -> None:
    print(safe(f"{facts['name']}: {facts['folder']}"))
    for file in facts["files"]:
        name = Path(file["path"]).relative_to(facts["folder"])
        state = "there already" if file["was_there"] else "fetched"
        print(safe(f"  {name}, {size_text(file['nbytes'])}, {state}"), flush=True)
