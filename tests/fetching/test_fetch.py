"""Downloads from servers that misbehave: nothing wrong ever gets a file's name."""

import gzip
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idxdata import DigestError, FetchError, FormatError
from idxdata.fetching import fetch as fetching
from idxdata.fetching import transfer
from idxdata.fetching.checking import check_file
from idxdata.fetching.failures import Failure
from idxdata.fetching.fetch import fetch
from idxdata.fetching.remote import Remote, is_trustworthy
from idxdata.fetching.sessions import new_session
from tests.fetching.misbehaving_server import Site, serving

CLOSED_PORT = 1


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDXDATA_OFFLINE")
    monkeypatch.setattr(fetching, "_PAUSE_S", 0.001)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


def remote(site: Site, *manners: str, **changes: object) -> Remote:
    urls = tuple(
        site.url("good", port=CLOSED_PORT) if manner == "refused" else site.url(manner)
        for manner in manners
    )
    sha256 = hashlib.sha256(site.content).hexdigest()
    made = Remote("file.gz", urls, len(site.content), sha256)
    return replace(made, **changes)  # type: ignore[arg-type]


def unknown(site: Site, *manners: str) -> Remote:
    """Of which no hash and no size is published."""
    return remote(site, *manners, sha256=None, nbytes=None)


def get(made: Remote, folder: Path, **options: object) -> bytes:
    path = fetch(made, folder, timeout_s=0.4, **options)  # type: ignore[arg-type]
    assert path == folder / "file.gz"
    assert os.listdir(folder) == ["file.gz"]
    return path.read_bytes()


# What a mirror does, and what it is said to have done. No mirror's fault is the last
# word: the table below is run with nothing else, and with a good mirror behind.

FAULTS = {
    "refused": "connection refused",
    "reset": "connection reset by peer",
    "stall": "nothing came for 0.4 s",
    "drip": "hardly anything comes",
    "chunked_short": "broke off",
    "wrong": "another sha256: ",
    "other_size": "a file of .* bytes, not ",
    "longer": "more than .* bytes",
    "html": "an HTML or XML page",
    "empty": "a file of 0 bytes, not ",
    "403": "HTTP 403",
    "404": "HTTP 404",
    "503": "HTTP 503",
    "circle": "redirects in a circle",
    "to_nowhere": "connection refused",
    "to_ftp": "ftp",
    "garbage": "220 this is another protocol|BadStatusLine",
}
WRONG_FILES = {"wrong", "other_size", "longer", "html", "empty"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_with_nothing_else(fault: str, site: Site, tmp_path: Path) -> None:
    made = remote(site, fault)
    with pytest.raises(FetchError, match=FAULTS[fault]) as caught:
        get(made, tmp_path)
    assert isinstance(caught.value, DigestError) == (fault in WRONG_FILES)
    assert caught.value.path == str(tmp_path / "file.gz")
    assert [url for url, _ in caught.value.attempts] == list(made.urls)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "file.gz").exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_with_a_good_mirror_behind(
    fault: str, site: Site, tmp_path: Path
) -> None:
    assert get(remote(site, fault, "good"), tmp_path) == site.content


@pytest.mark.parametrize("fault", sorted(set(FAULTS) - {"stall", "drip"}))
def test_a_fault_of_a_file_without_a_hash(
    fault: str, site: Site, tmp_path: Path
) -> None:
    """What can be told without a hash: all but a file of the kind with other bytes."""

    def check(path: Path) -> None:
        if path.read_bytes() != site.content:
            raise FormatError("another content", path=path)

    made = unknown(site, fault, "good")
    assert get(made, tmp_path, check=check) == site.content


def test_all_mirrors_are_told_of(site: Site, tmp_path: Path) -> None:
    made = remote(site, "404", "html", "refused", "wrong")
    with pytest.raises(FetchError) as caught:
        get(made, tmp_path)
    assert type(caught.value) is FetchError
    for url, word in zip(made.urls, ("404", "HTML", "refused", "sha256"), strict=True):
        assert any(
            url == where and word in text for where, text in caught.value.attempts
        )
        assert url in str(caught.value)


def test_only_wrong_files_are_a_digest_error(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DigestError, match="another file than was published"):
        get(remote(site, "wrong", "html"), tmp_path)


def test_no_mirrors(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no mirrors at all"):
        fetch(Remote("file.gz", ()), tmp_path)


# What is right


@pytest.mark.parametrize("manner", ["good", "moved", "chunked", "labelled"])
@pytest.mark.parametrize("make", [remote, unknown])
def test_bytes_as_they_lie_there(
    manner: str, make: object, site: Site, tmp_path: Path
) -> None:
    """Also where the server calls the file itself an encoding."""
    assert get(make(site, manner), tmp_path) == site.content  # type: ignore[operator]


def test_md5_where_nothing_else_is_known(site: Site, tmp_path: Path) -> None:
    md5 = hashlib.md5(site.content).hexdigest()
    right = remote(site, "good", sha256=None, md5=md5.upper())
    assert get(right, tmp_path / "right") == site.content
    with pytest.raises(DigestError, match="another md5"):
        get(replace(right, md5="0" * 32), tmp_path / "wrong")


def test_what_is_there_is_not_fetched(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"mine")
    assert get(remote(site, "good"), tmp_path) == b"mine"
    assert site.requests == []


def test_the_folder_is_made(site: Site, tmp_path: Path) -> None:
    assert get(remote(site, "good"), tmp_path / "a" / "b") == site.content


# Going on with what is there


def ranges(site: Site) -> list[int | None]:
    return [asked.start for asked in site.requests]


@pytest.mark.parametrize("fault", ["short", "reset_midway"])
def test_the_same_mirror_as_long_as_it_advances(
    fault: str, site: Site, tmp_path: Path
) -> None:
    assert get(remote(site, fault), tmp_path) == site.content
    found = ranges(site)
    assert found[0] is None
    assert len(found) == -(-len(site.content) // site.cut)
    assert found[1:] == [site.cut * n for n in range(1, len(found))]


def test_the_next_mirror_goes_on(site: Site, tmp_path: Path) -> None:
    assert get(remote(site, "stall", "good"), tmp_path, tries=1) == site.content
    assert site.manners[-1] == "good"
    assert site.requests[-1].start is not None
    # A tag of another address says nothing about this one.
    assert "if-range" not in site.requests[-1].headers


@pytest.mark.parametrize("second", ["no_ranges", "bad_range", "no_content_range"])
def test_mirrors_that_cannot_go_on_are_asked_for_all(
    second: str, site: Site, tmp_path: Path
) -> None:
    first = remote(site, "short")
    with pytest.raises(FetchError):
        site.content, whole = site.content[: site.cut], site.content
        get(first, tmp_path)
    site.content = whole
    assert get(remote(site, second), tmp_path) == site.content


def leave_a_part(site: Site, folder: Path, made: Remote, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".file.gz.part").write_bytes(content)
    facts = {"key": made.key, "url": made.urls[0], "validator": site.etag}
    (folder / ".file.gz.part.json").write_text(json.dumps(facts))


def test_a_part_of_another_process_is_gone_on_with(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:777])
    assert get(made, tmp_path) == site.content
    assert ranges(site) == [777]
    assert site.requests[0].headers["if-range"] == site.etag


def test_a_part_that_is_whole(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content)
    assert get(made, tmp_path) == site.content


def test_a_part_of_another_file_is_not_used(site: Site, tmp_path: Path) -> None:
    leave_a_part(site, tmp_path, remote(site, "good", sha256="0" * 64), b"\x1f\x8bno")
    assert get(remote(site, "good"), tmp_path) == site.content
    assert ranges(site) == [None]


@pytest.mark.parametrize("manner", ["good", "wrong_rest", "never_satisfied"])
def test_a_part_of_wrong_bytes_does_no_harm(
    manner: str, site: Site, tmp_path: Path
) -> None:
    made = remote(site, manner)
    leave_a_part(site, tmp_path, made, b"\x1f\x8b" + bytes(5000))
    assert get(made, tmp_path) == site.content
    assert ranges(site)[-1] is None


def test_a_part_that_is_too_long(site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content + b"more")
    assert get(made, tmp_path) == site.content


@pytest.mark.parametrize("sidecar", [b"", b"{}", b"[1]", b'{"key": 1}', b"\xff"])
def test_a_sidecar_of_any_content(sidecar: bytes, site: Site, tmp_path: Path) -> None:
    made = remote(site, "good")
    leave_a_part(site, tmp_path, made, site.content[:777])
    (tmp_path / ".file.gz.part.json").write_bytes(sidecar)
    assert get(made, tmp_path) == site.content
    assert ranges(site) == [None]


def test_without_a_hash_only_the_same_version_is_gone_on_with(
    site: Site, tmp_path: Path
) -> None:
    made = unknown(site, "short_once")
    assert get(made, tmp_path / "same") == site.content
    assert ranges(site) == [None, site.cut]
    # Changed since: the server sends all of it, and all of it is taken.
    site.requests.clear()
    leave_a_part(site, tmp_path / "changed", made, b"\x1f\x8b" + bytes(2000))
    site.etag = '"2"'
    assert get(made, tmp_path / "changed") == site.content


def test_without_hash_and_tag_nothing_is_gone_on_with(
    site: Site, tmp_path: Path
) -> None:
    assert get(unknown(site, "short_no_etag"), tmp_path) == site.content
    assert ranges(site) == [None, None]


def test_without_a_hash_another_mirror_starts_anew(site: Site, tmp_path: Path) -> None:
    assert get(unknown(site, "stall", "good"), tmp_path, tries=1) == site.content
    assert ranges(site)[-1] is None


CHILD = """
import sys
from pathlib import Path
from idxdata.fetching import fetch as module
from idxdata.fetching.fetch import fetch
from idxdata.fetching.remote import Remote
url, nbytes, sha256, folder = sys.argv[1:]
module._PAUSE_S = 0.001
print("ready", flush=True)
sys.stdin.readline()
path = fetch(Remote("file.gz", (url,), int(nbytes), sha256), folder, timeout_s=20)
print(len(path.read_bytes()), flush=True)
"""


def child(site: Site, manner: str, folder: Path) -> "subprocess.Popen[str]":
    made = remote(site, manner)
    arguments = [made.urls[0], str(made.nbytes), str(made.sha256), str(folder)]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


def test_killed_in_the_middle_and_gone_on_with(site: Site, tmp_path: Path) -> None:
    process = child(site, "drip", tmp_path)
    go(process)
    part = tmp_path / ".file.gz.part"
    for _ in range(2000):
        if part.exists() and part.stat().st_size:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    have = part.stat().st_size
    assert 0 < have < len(site.content)
    assert not (tmp_path / "file.gz").exists()
    (tmp_path / ".file.gz.lock").unlink(missing_ok=True)
    assert get(remote(site, "good"), tmp_path) == site.content
    assert site.requests[-1].start == have


def test_one_download_for_many_processes(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    processes = [child(site, "chunked", tmp_path) for _ in range(4)]
    for process in processes:
        go(process)
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert int(out) == len(site.content)
        assert process.returncode == 0
    assert site.manners == ["chunked"]
    assert os.listdir(tmp_path) == ["file.gz"]


def test_an_interrupt_keeps_the_part_and_makes_no_file(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object, received: int) -> None:
        if received > 5000:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transfer._Window, "check", interrupted)
        with pytest.raises(KeyboardInterrupt):
            get(remote(site, "chunked"), tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".file.gz.part", ".file.gz.part.json"]
    assert get(remote(site, "good"), tmp_path) == site.content


# The network is not touched


def no_sockets(*_: object, **__: object) -> None:
    raise AssertionError("a socket is opened")


@pytest.mark.parametrize("by", ["argument", "1", "yes"])
def test_offline(
    by: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by != "argument":
        monkeypatch.setenv("IDXDATA_OFFLINE", by)
    monkeypatch.setattr(socket, "socket", no_sockets)
    with pytest.raises(FetchError, match="not to be used") as caught:
        fetch(remote(site, "good"), tmp_path, offline=by == "argument")
    assert caught.value.path == str(tmp_path / "file.gz")
    assert site.url("good") in str(caught.value.expected)
    assert os.listdir(tmp_path) == []
    (tmp_path / "file.gz").write_bytes(b"mine")
    assert fetch(remote(site, "good"), tmp_path, offline=True).read_bytes() == b"mine"


@pytest.mark.parametrize("value", ["", "0"])
def test_not_offline(
    value: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDXDATA_OFFLINE", value)
    assert get(remote(site, "good"), tmp_path) == site.content


# Who may be believed


def test_https_is_not_given_up(site: Site) -> None:
    from requests import Response

    def answer(url: str, target: str) -> Response:
        made = Response()
        made.url, made.status_code = url, 302
        made.headers["Location"] = target
        return made

    with new_session() as session:
        ask = session.get_redirect_target
        for target in ("http://a.org/x", "http://127.0.0.1/x", "ftp://a.org/x"):
            with pytest.raises(Failure, match="redirects from https"):
                ask(answer("https://a.org/y", target))
        for url, target in (
            ("https://a.org/y", "/x"),
            ("https://a.org/y", "//b.org/x"),
            ("https://a.org/y", "https://b.org/x"),
            ("http://a.org/y", "https://b.org/x"),
            ("http://a.org/y", "http://b.org/x"),
        ):
            assert ask(answer(url, target)) == target


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.org/x", True),
        ("http://127.0.0.1:80/x", True),
        ("http://[::1]/x", True),
        ("http://localhost/x", True),
        ("http://a.org/x", False),
        ("http://127.0.0.1.a.org/x", False),
        ("http://10.0.0.1/x", False),
    ],
)
def test_which_addresses_are_trustworthy(url: str, expected: bool) -> None:
    assert is_trustworthy(url) == expected


def test_a_file_without_a_hash_is_not_taken_from_anywhere(tmp_path: Path) -> None:
    """The address is refused before it is even looked up."""
    made = Remote("file.gz", ("http://data.invalid/file.gz",))
    with pytest.raises(FetchError, match="not encrypted"):
        fetch(made, tmp_path)


def test_a_self_signed_certificate_is_refused(tmp_path: Path, site: Site) -> None:
    url = site.url("good").replace("http:", "https:")
    with pytest.raises(FetchError, match="no trustworthy connection"):
        get(remote(site, "good", urls=(url,)), tmp_path)


def test_proxies_of_the_environment(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = remote(site, "good", urls=("http://data.invalid/good/file.gz",))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{site.port}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert get(made, tmp_path / "by") == site.content
    assert site.requests[0].headers["host"] == "data.invalid"
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{CLOSED_PORT}")
    with pytest.raises(FetchError, match="proxy"):
        get(made, tmp_path / "none")


# The disk


def test_a_folder_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match="cannot write") as caught:
        fetch(remote(site, "good"), tmp_path / "file" / "folder")
    assert "IDXDATA_CACHE" in str(caught.value.hint)


def test_a_full_disk(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transfer.Part, "note", full)
        with pytest.raises(FetchError, match="No space left") as caught:
            get(remote(site, "good", "good"), tmp_path)
    assert caught.value.path == str(tmp_path / "file.gz")
    # Another mirror would find no more room.
    assert len(site.requests) == 1
    assert get(remote(site, "good"), tmp_path) == site.content


def test_without_locks_each_has_a_part_of_its_own(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from idxdata import locks

    monkeypatch.setattr(locks, "try_exclusive", lambda _: locks.Lock.UNAVAILABLE)
    (tmp_path / ".file.gz.part").write_bytes(b"another's")
    fetch(remote(site, "good"), tmp_path)
    assert (tmp_path / "file.gz").read_bytes() == site.content
    assert (tmp_path / ".file.gz.part").read_bytes() == b"another's"


# check_file, and names


def test_check_file(site: Site, tmp_path: Path) -> None:
    made, path = remote(site, "good"), tmp_path / "any"
    path.write_bytes(site.content)
    check_file(made, path)
    for content, text in (
        (site.content[:-1], "bytes, not"),
        (b"<html>" + site.content[6:], "HTML"),
        (site.content[:-1] + b"\xff", "another sha256"),
    ):
        path.write_bytes(content)
        with pytest.raises(DigestError, match=text) as caught:
            check_file(made, path)
        assert caught.value.path == str(path)
        assert caught.value.expected == made.sha256


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "c:d"]
)
def test_names_that_are_paths(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a file"):
        Remote(name, ())


def test_unknown_kinds() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Remote("a", (), kind="rar")  # type: ignore[arg-type]


# Any sequence of faults

QUICK = sorted(set(FAULTS) - {"stall", "drip"})


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults=st.lists(st.sampled_from([*QUICK, "bad_range", "no_ranges"]), max_size=5),
    cut=st.integers(1, 20_000),
    left=st.binary(max_size=60) | st.none(),
)
def test_any_faults_then_a_good_mirror(
    faults: list[str],
    cut: int,
    left: bytes | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with serving(cut=cut) as site:
        made = remote(site, *faults, "good")
        if left is not None:
            leave_a_part(site, folder, made, left)
        assert get(made, folder) == site.content


def test_the_server_serves_what_it_should() -> None:
    with serving() as site:
        assert len(gzip.decompress(site.content)) == 16_000
