"""Remote: one file as it is published, and where it can be had."""

import ipaddress
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

Kind = Literal["gzip", "xz", "zip", "raw"]


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to be fetched.

    `name`: what it is to be called; no path. `urls`: mirrors in the order to be asked.
    `nbytes`, `sha256`, `md5`: of the file as it is served, None where nobody published
    them; md5 is only looked at without sha256. `kind`: what its first bytes must be.

    Raises `ValueError` for a name that is a path or hidden, or an unknown kind.
    """

    name: str
    urls: tuple[str, ...]
    nbytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    kind: Kind = "gzip"

    def __post_init__(self) -> None:
        if not self.name or self.name.startswith(".") or set("/\\\0:") & set(self.name):
            raise ValueError(f"not the name of a file: {self.name!r}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}")

    @property
    def has_hash(self) -> bool:
        return bool(self.sha256 or self.md5)

    @property
    def key(self) -> str:
        """What tells this file from another of the same name."""
        return f"{self.sha256 or self.md5 or ''} {self.nbytes or ''}"


def is_trustworthy(url: str) -> bool:
    """Whether what comes from there is what its owner sent: https, or this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
