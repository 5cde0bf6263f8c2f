"""Remote: one file as it is published, and where it can be had."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import urlsplit

Kind = Literal["gzip", "xz", "zip", "raw"]

_HEX_DIGITS = {"sha256": 64, "md5": 32}


@dataclass(frozen=True, slots=True)
class Remote:
    """A file to be fetched.

    `name`: what it is to be called; no path. `urls`: mirrors in the order to be asked.
    `nbytes`, `sha256`, `md5`: of the file as it is served, None where nobody published
    them; md5 is only looked at without sha256. `kind`: what its first bytes must be (an
    .npz is a zip).

    Raises `ValueError` for a name that is a path or hidden, a size below 1, a hash that
    is none, or an unknown kind; `TypeError` for `urls` that are one str.
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
        if isinstance(self.urls, str):
            raise TypeError(f"urls are a tuple of str, not {self.urls!r}")
        if self.nbytes is not None and self.nbytes < 1:
            raise ValueError(f"not the size of a file: {self.nbytes}")
        for algorithm, digits in _HEX_DIGITS.items():
            text = getattr(self, algorithm)
            if text is not None and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", text):
                raise ValueError(f"not the hex digits of {algorithm}: {text!r}")
        if self.kind not in get_args(Kind):
            raise ValueError(f"unknown kind {self.kind!r}")

    @property
    def digest(self) -> tuple[str, str] | None:
        """The hash to check by, and its lower-case hex digits; None if there is none."""
        for algorithm, published in (("sha256", self.sha256), ("md5", self.md5)):
            if published is not None:
                return algorithm, published.lower()
        return None

    @property
    def key(self) -> str:
        """What tells this file from another of the same name."""
        return f"{' '.join(self.digest or ())} {self.nbytes or ''}"


def is_trustworthy(url: str) -> bool:
    """Whether what comes from there is what its owner sent: https, or this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme == "https":
        return True
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
