"""Who is asked and who is believed: encryption, redirects, proxies; and nobody, offline."""

import os
import socket
from pathlib import Path

import pytest

from idxdata import FetchError
from idxdata.fetching.failures import Failure, of_network
from idxdata.fetching.fetch import fetch, is_offline
from idxdata.fetching.remote import Remote, is_trustworthy
from idxdata.fetching.sessions import next_address
from tests.fetching.answering import CLOSED_PORT, Site
from tests.fetching.fetched import NAME, get, remote, unknown


def test_https(encrypted: Site, tmp_path: Path) -> None:
    assert get(remote(encrypted, "good"), tmp_path / "hash") == encrypted.content
    assert get(unknown(encrypted, "moved"), tmp_path / "none") == encrypted.content


def test_a_certificate_that_nobody_knows(stranger: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="its certificate: self-signed"):
        get(remote(stranger, "good"), tmp_path)
    assert stranger.requests == []


def test_a_server_without_encryption(site: Site, tmp_path: Path) -> None:
    url = site.url("good").replace("http:", "https:")
    with pytest.raises(FetchError, match="no trustworthy connection"):
        get(remote(site, urls=(url,)), tmp_path)


def test_https_is_not_given_up(encrypted: Site, site: Site, tmp_path: Path) -> None:
    encrypted.target = site.url("good")
    made = remote(encrypted, "elsewhere")
    with pytest.raises(FetchError, match="redirects from https to http: refused"):
        get(made, tmp_path)
    assert site.requests == []
    # The next mirror is asked, and may lead to https from where there is none.
    site.target = encrypted.url("good")
    urls = (*made.urls, site.url("elsewhere"))
    assert get(remote(site, urls=urls), tmp_path) == site.content
    assert encrypted.manners == ["elsewhere", "elsewhere", "good"]


@pytest.mark.parametrize(
    ("url", "target", "expected"),
    [
        ("https://a.org/y", "/x", "https://a.org/x"),
        ("https://a.org/y", "//b.org/x", "https://b.org/x"),
        ("https://a.org/y", "https://b.org/x", "https://b.org/x"),
        ("http://a.org/y", "HTTPS://b.org/x", "HTTPS://b.org/x"),
        ("http://a.org/y", "http://b.org/x", "http://b.org/x"),
        ("https://a.org/y", "http://a.org/x", None),
        ("https://a.org/y", "HTTP://a.org/x", None),
        ("https://a.org/y", "http://127.0.0.1/x", None),
        ("https://a.org/y", "ftp://a.org/x", None),
        ("http://a.org/y", "ftp://a.org/x", None),
        ("http://a.org/y", "file:///etc/passwd", None),
        ("http://a.org/y", "data:,x", None),
        ("http://a.org/y", "http://[::1/x", None),
    ],
)
def test_where_redirects_may_lead(url: str, target: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(Failure, match="redirects"):
            next_address(url, target)
    else:
        assert next_address(url, target) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.org/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://a.org/x", False),
        ("http://127.0.0.1.a.org/x", False),
        ("http://127.0.0.1@a.org/x", False),
        ("http://10.0.0.1/x", False),
        ("http://[::1/x", False),
        ("", False),
    ],
)
def test_which_addresses_are_trustworthy(url: str, expected: bool) -> None:
    assert is_trustworthy(url) == expected


def test_a_file_without_a_hash_is_not_taken_from_anywhere(
    site: Site, tmp_path: Path
) -> None:
    """The address is refused before it is even looked up, after a redirect too."""
    with pytest.raises(FetchError, match="not encrypted"):
        fetch(Remote(NAME, ("http://data.invalid/file.gz",)), tmp_path)
    site.target = "http://data.invalid/file.gz"
    with pytest.raises(FetchError, match="not encrypted"):
        fetch(unknown(site, "elsewhere"), tmp_path)


def test_errors_of_the_network_in_words() -> None:
    from requests import exceptions

    for error, text in (
        (exceptions.InvalidHeader("two lengths"), "an answer that is none: two"),
        (exceptions.InvalidProxyURL("x"), "a bad address of a proxy: x"),
        (exceptions.InvalidSchema("no SOCKS"), "a bad address: no SOCKS"),
        (exceptions.ConnectTimeout(), "no connection within 7 s"),
        (exceptions.ReadTimeout("Read timed out."), "nothing came for 7 s"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError("a\n\x1b[2J\tb"), "a ?[2J b"),
    ):
        assert str(of_network(error, 7.0)).startswith(text)


# Proxies


def test_a_proxy_of_the_environment(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remote(site, urls=("http://data.invalid/good/file.gz",))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    assert get(made, tmp_path / "by") == site.content
    assert site.requests[0].headers["host"] == "data.invalid"
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{CLOSED_PORT}")
    with pytest.raises(FetchError, match="the proxy does not connect"):
        get(made, tmp_path / "none")
    # No proxy for this machine.
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert get(remote(site, "good"), tmp_path / "past") == site.content


def test_a_proxy_for_https(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remote(site, urls=("https://data.invalid/file.gz",))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{site.port}")
    with pytest.raises(FetchError, match="the proxy does not connect: .*502"):
        get(made, tmp_path)
    assert site.requests[0].method == "CONNECT"
    assert site.manners[0] == "data.invalid:443"


# Offline


def no_sockets(*_: object, **__: object) -> None:
    raise AssertionError("a socket is opened")


@pytest.mark.parametrize("by", ["argument", "1", "yes"])
def test_offline(
    by: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by != "argument":
        monkeypatch.setenv("IDXDATA_OFFLINE", by)
    monkeypatch.setattr(socket, "socket", no_sockets)
    monkeypatch.setattr(socket, "getaddrinfo", no_sockets)
    with pytest.raises(FetchError, match="not to be used") as caught:
        fetch(remote(site, "good"), tmp_path, offline=by == "argument")
    assert caught.value.path == str(tmp_path / NAME)
    assert site.url("good") in str(caught.value.expected)
    assert os.listdir(tmp_path) == []
    (tmp_path / NAME).write_bytes(b"mine")
    assert fetch(remote(site, "good"), tmp_path, offline=True).read_bytes() == b"mine"


@pytest.mark.parametrize("value", ["", "0", None])
def test_not_offline(
    value: str | None, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("IDXDATA_OFFLINE", value)
    assert not is_offline()
    assert get(remote(site, "good"), tmp_path) == site.content
