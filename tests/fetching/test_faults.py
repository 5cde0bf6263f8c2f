"""Every fault of a mirror, alone and with a good mirror behind it."""

from pathlib import Path

import pytest

from idxdata import DigestError, FetchError, FormatError
from idxdata.fetching import transfer
from tests.fetching.answering import Site
from tests.fetching.faults import FAULTS, Fault, as_table
from tests.fetching.fetched import NAME, SLOW_S, get, leave_a_part, remote, unknown
from tests.fetching.misbehaving_server import serving

OVERCOME = [fault for fault in FAULTS if fault.says is None]
FATAL = [fault for fault in FAULTS if fault.says is not None]
QUICK = [fault for fault in FATAL if not fault.is_slow and not fault.is_encrypted]


def by_words(fault: Fault) -> str:
    return f"{fault.manner}: {fault.words}"


@pytest.fixture
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Site:
    """The site that has the fault, and what is there of its file before."""
    fault: Fault = request.getfixturevalue("fault")
    kind = "encrypted" if fault.is_encrypted else "site"
    made: Site = request.getfixturevalue(kind)
    made.target = f"http://127.0.0.1:{made.port}/good/{NAME}"
    monkeypatch.setattr(transfer, "MAX_UNKNOWN_NBYTES", 10 * len(made.content))
    if fault.has_part:
        leave_a_part(made, tmp_path, remote(made, fault.manner), made.content[:777])
    return made


def patience(fault: Fault) -> dict[str, object]:
    return {"timeout_s": SLOW_S} if fault.is_slow else {}


@pytest.mark.parametrize("fault", OVERCOME, ids=by_words)
def test_faults_that_are_overcome(fault: Fault, place: Site, tmp_path: Path) -> None:
    assert get(remote(place, fault.manner), tmp_path) == place.content
    assert place.manners.count(fault.manner) == fault.asked
    assert set(place.manners) <= {fault.manner, "good"}


@pytest.mark.parametrize("fault", FATAL, ids=by_words)
def test_faults_that_are_fatal(fault: Fault, place: Site, tmp_path: Path) -> None:
    made = remote(place, fault.manner)
    with pytest.raises(FetchError, match=str(fault.says)) as caught:
        get(made, tmp_path, **patience(fault))
    assert isinstance(caught.value, DigestError) == fault.is_wrong_file
    assert caught.value.path == str(tmp_path / NAME)
    assert [url for url, _ in caught.value.attempts] == list(made.urls)
    assert str(caught.value).isprintable()
    assert len(place.requests) == fault.asked
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("fault", QUICK, ids=by_words)
def test_faults_with_a_good_mirror_behind(
    fault: Fault, place: Site, tmp_path: Path
) -> None:
    made = remote(place, fault.manner, "good")
    assert get(made, tmp_path) == place.content
    assert place.manners[: fault.asked] == [fault.manner] * fault.asked
    assert set(place.manners[fault.asked :]) == {"good"}


@pytest.mark.parametrize("manner", ["silent", "stall", "drip"])
def test_waiting_with_a_good_mirror_behind(
    manner: str, site: Site, tmp_path: Path
) -> None:
    """The good mirror is asked several times, as it has no more time than the bad."""
    made = remote(site, manner, "good", "good.1", "good.2")
    assert get(made, tmp_path, timeout_s=SLOW_S, tries=1) == site.content
    assert 1 <= site.manners.count(manner) <= 2


@pytest.mark.parametrize("fault", QUICK, ids=by_words)
def test_faults_of_a_file_that_nothing_is_published_of(
    fault: Fault, place: Site, tmp_path: Path
) -> None:
    """Told all the same, but for a file of the right kind with other bytes."""

    def check(path: Path) -> None:
        if path.read_bytes() != place.content:
            raise FormatError("another content", path=path)

    made = unknown(place, fault.manner, "good")
    assert get(made, tmp_path, check=check) == place.content


def test_a_name_that_is_not_known(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    known = socket.getaddrinfo

    def resolve(host: str, *rest: object, **more: object) -> object:
        if host == "data.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return known(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    urls = ("http://data.invalid/file.gz",)
    with pytest.raises(FetchError, match="name or service not known"):
        get(remote(site, urls=urls), tmp_path)
    made = remote(site, urls=(*urls, site.url("good")))
    assert get(made, tmp_path) == site.content


@pytest.mark.parametrize(
    "url", ["", "file", "//a/b", "http://", "http://[::1/x", "ftp://a/b", "file:///etc"]
)
def test_addresses_that_are_none(url: str, site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="a bad address"):
        get(remote(site, urls=(url,)), tmp_path)
    made = remote(site, urls=(url, site.url("good")))
    assert get(made, tmp_path) == site.content


def test_all_mirrors_are_told_of(site: Site, tmp_path: Path) -> None:
    made = remote(site, "404", "html", "refused", "wrong")
    with pytest.raises(FetchError) as caught:
        get(made, tmp_path)
    assert type(caught.value) is FetchError
    for url, word, (where, text) in zip(
        made.urls,
        ("404", "HTML", "refused", "sha256"),
        caught.value.attempts,
        strict=True,
    ):
        assert url == where
        assert word in text
        assert f"{text} ({url})" in str(caught.value)


def test_only_wrong_files_are_a_digest_error(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DigestError, match="another file than was published"):
        get(remote(site, "wrong", "html"), tmp_path)


def test_the_table_is_one() -> None:
    rows = as_table().splitlines()
    assert len(rows) == len(FAULTS) + 2
    assert {row.count("|") for row in rows} == {3}


def test_the_server_can_be_good() -> None:
    """Else faults would be found where there are none."""
    import gzip

    import requests

    with serving() as site:
        whole = requests.get(site.url("good"), timeout=20)
        rest = requests.get(site.url("good"), headers={"Range": "bytes=7-"}, timeout=20)
    assert (whole.status_code, whole.content) == (200, site.content)
    assert (rest.status_code, rest.content) == (206, site.content[7:])
    assert len(gzip.decompress(site.content)) == 16_000
