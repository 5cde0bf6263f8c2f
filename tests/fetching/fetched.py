"""What tests of fetching share: a remote on the misbehaving server, and its part."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

from idxdata.fetching.fetch import fetch
from idxdata.fetching.remote import Remote
from tests.fetching.answering import Site

SLOW_S = 0.5
"""A timeout for tests of timeouts; all others have time."""

NAME = "file.gz"
PART = f".{NAME}.part"
SIDECAR = f"{PART}.json"


def remote(site: Site, *manners: str, **changes: object) -> Remote:
    urls = tuple(site.url(manner) for manner in manners)
    sha256 = hashlib.sha256(site.content).hexdigest()
    made = Remote(NAME, urls, len(site.content), sha256)
    return replace(made, **changes)  # type: ignore[arg-type]


def unknown(site: Site, *manners: str) -> Remote:
    """Of which no hash and no size is published."""
    return remote(site, *manners, sha256=None, nbytes=None)


def get(made: Remote, folder: Path, **options: object) -> bytes:
    """The bytes that are fetched; nothing else may be left in the folder."""
    path = fetch(made, folder, **options)  # type: ignore[arg-type]
    assert path == folder / NAME
    assert os.listdir(folder) == [NAME]
    return path.read_bytes()


def leave_a_part(
    site: Site, folder: Path, made: Remote, content: bytes, **facts: object
) -> None:
    """As a fetch of `made` that was killed would."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PART).write_bytes(content)
    known = {"key": made.key, "url": made.urls[0], "validator": site.etag}
    (folder / SIDECAR).write_text(json.dumps(known | facts))
