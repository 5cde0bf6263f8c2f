"""fetch() where nothing is wrong, on the disk, and after any sequence of faults."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idxdata import DigestError, FetchError, FormatError
from idxdata.fetching import fetch as module
from idxdata.fetching import transfer
from idxdata.fetching.checking import check_file
from idxdata.fetching.fetch import fetch
from idxdata.fetching.remote import Remote
from tests.fetching.answering import Site
from tests.fetching.faults import FAULTS
from tests.fetching.fetched import NAME, PART, get, leave_a_part, remote, unknown
from tests.fetching.misbehaving_server import serving
from tests.test_imports import run_python


@pytest.mark.parametrize("manner", ["good", "moved", "chunked", "labelled"])
@pytest.mark.parametrize("make", [remote, unknown])
def test_bytes_as_they_lie_there(
    manner: str, make: object, site: Site, tmp_path: Path
) -> None:
    """Also where the server calls the file itself an encoding."""
    assert get(make(site, manner), tmp_path) == site.content  # type: ignore[operator]
    assert site.requests[0].headers["accept-encoding"] == "identity"


def test_md5_where_nothing_else_is_known(site: Site, tmp_path: Path) -> None:
    md5 = hashlib.md5(site.content).hexdigest()
    right = remote(site, "good", sha256=None, md5=md5.upper())
    assert get(right, tmp_path / "right") == site.content
    with pytest.raises(DigestError, match="another md5"):
        get(replace(right, md5="0" * 32), tmp_path / "wrong")


def test_what_is_there_is_not_fetched(site: Site, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"mine")
    assert get(remote(site, "good"), tmp_path) == b"mine"
    assert site.requests == []


@pytest.mark.parametrize("what", ["folder", "link"])
def test_what_is_there_and_no_file(what: str, site: Site, tmp_path: Path) -> None:
    """It is not replaced, and not found out after the download only."""
    final = tmp_path / NAME
    if what == "folder":
        final.mkdir()
    else:
        final.symlink_to(tmp_path / "unplugged")
    with pytest.raises(FetchError, match="no file has the name"):
        fetch(remote(site, "good"), tmp_path)
    assert site.requests == []
    assert os.listdir(tmp_path) == [NAME]


def test_a_link_to_a_file_is_one(site: Site, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / NAME).symlink_to(tmp_path / "mine")
    assert fetch(remote(site, "good"), tmp_path).read_bytes() == b"mine"


def test_the_folder_is_made(site: Site, tmp_path: Path) -> None:
    assert get(remote(site, "good"), tmp_path / "a" / "b") == site.content


def test_no_mirrors(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no mirrors at all"):
        fetch(Remote(NAME, ()), tmp_path)


@pytest.mark.parametrize("options", [{"timeout_s": 0}, {"tries": 0}])
def test_no_time_and_no_try(options: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no time or no try"):
        fetch(Remote(NAME, ()), tmp_path, **options)  # type: ignore[arg-type]


def test_a_bar_where_the_size_is_known(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    counts: list[int] = []
    labels: list[tuple[str, int]] = []

    @contextmanager
    def bar(label: str, total: int):  # type: ignore[no-untyped-def]
        labels.append((label, total))
        yield counts.append

    monkeypatch.setattr(transfer, "progress_bar", bar)
    get(remote(site, "short.9000"), tmp_path / "known")
    assert labels == [(f"fetching {NAME}", len(site.content))] * 2
    # What was there before counts.
    assert sum(counts) == 9000 + len(site.content)
    labels.clear()
    get(unknown(site, "chunked"), tmp_path / "unknown")
    assert labels == []


def test_requests_is_not_imported_with_the_package() -> None:
    loaded = run_python(
        "import sys, idxdata, idxdata.fetching.fetch; "
        "print({'requests', 'urllib3'} & set(sys.modules))"
    )
    assert loaded == "set()"


def test_a_check_that_refuses(site: Site, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise FormatError("not what it should be", path=path)

    with pytest.raises(DigestError, match="not what it should be") as caught:
        fetch(unknown(site, "good", "moved"), tmp_path, check=refuse)
    assert PART not in str(caught.value)
    assert os.listdir(tmp_path) == []


# The disk


def test_a_folder_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match="cannot write") as caught:
        fetch(remote(site, "good"), tmp_path / "file" / "folder")
    assert "IDXDATA_CACHE" in str(caught.value.hint)


def test_a_full_disk(site: Site, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no device that is always full")
    (tmp_path / PART).symlink_to("/dev/full")
    with pytest.raises(FetchError, match="No space left") as caught:
        get(remote(site, "good", "good"), tmp_path)
    assert caught.value.path == str(tmp_path / NAME)
    # Another mirror would find no more room.
    assert len(site.requests) == 1
    (tmp_path / PART).unlink()
    assert get(remote(site, "good"), tmp_path) == site.content


def test_a_disk_that_is_full_in_the_middle(site: Site, tmp_path: Path) -> None:
    """What came is kept, and gone on with when there is room."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(FetchError, match="cannot write"):
            get(remote(site, "chunked", "good"), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    have = (tmp_path / PART).read_bytes()
    assert 0 < len(have) <= 5000
    assert site.content.startswith(have)
    assert get(remote(site, "good"), tmp_path) == site.content
    assert site.manners == ["chunked", "good"]
    assert site.starts == [None, len(have)]


def test_a_part_that_may_not_be_written_is_named(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FetchError, match="cannot write") as caught:
        fetch(remote(site, "good"), tmp_path)
    assert caught.value.found == f"Permission denied ({tmp_path / PART})"


# check_file, and remotes


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


def test_check_file_of_which_little_is_known(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(site.content)
    check_file(unknown(site), path)
    path.write_bytes(b"<html>")
    for made, expected in (
        (unknown(site), "gzip data"),
        (remote(site, sha256=None, nbytes=7), "7 bytes"),
    ):
        with pytest.raises(DigestError) as caught:
            check_file(made, path)
        assert caught.value.expected == expected


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "c:d"]
)
def test_names_that_are_paths(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a file"):
        Remote(name, ())


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({"kind": "rar"}, "unknown kind"),
        ({"nbytes": 0}, "not the size"),
        ({"nbytes": -1}, "not the size"),
        ({"sha256": ""}, "not the hex digits of sha256"),
        ({"sha256": "0" * 63 + "g"}, "not the hex digits of sha256"),
        ({"md5": "0" * 64}, "not the hex digits of md5"),
    ],
)
def test_remotes_that_cannot_be(facts: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Remote("a", (), **facts)  # type: ignore[arg-type]


def test_one_address_is_no_tuple() -> None:
    with pytest.raises(TypeError, match="a tuple of str"):
        Remote("a", "https://a.org/a")  # type: ignore[arg-type]


# Any sequence of faults

QUICK = sorted(
    {fault.manner for fault in FAULTS if not (fault.is_slow or fault.is_encrypted)}
    - {"elsewhere", "endless", "refused", "503_once"}
)
LASTING = sorted(
    {fault.manner for fault in FAULTS if fault.manner in QUICK and fault.says}
)


def mirrors(manners: list[str]) -> st.SearchStrategy[list[str]]:
    """Up to five addresses, each with a cut of its own."""
    plain = [manner for manner in manners if "." not in manner]
    one = st.builds(
        lambda manner, cut: f"{manner}.{cut}",
        st.sampled_from(plain),
        st.integers(0, 17_000),
    )
    return st.lists(one | st.just("refused"), max_size=5)


PARTS = st.none() | st.binary(max_size=60) | st.integers(1, 17_000)


def leave(site: Site, folder: Path, made: Remote, left: bytes | int | None) -> None:
    """Nothing, any bytes, or so many right ones."""
    if isinstance(left, int):
        left = (site.content + bytes(1000))[:left]
    if left is not None:
        leave_a_part(site, folder, made, left)


@settings(max_examples=60)
@given(faults=mirrors(QUICK), left=PARTS)
def test_any_faults_then_a_good_mirror(
    faults: list[str],
    left: bytes | int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with serving() as site, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAUSE_S", 0)
        made = remote(site, *faults, "good")
        leave(site, folder, made, left)
        assert get(made, folder) == site.content


@settings(max_examples=40)
@given(faults=mirrors(LASTING), left=PARTS)
def test_any_faults_and_no_good_mirror(
    faults: list[str],
    left: bytes | int | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    with serving() as site, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PAUSE_S", 0)
        made = remote(site, *faults, "404")
        leave(site, folder, made, left)
        try:
            path = fetch(made, folder)
        except FetchError as error:
            assert len(error.attempts) == len(made.urls)
            assert not (folder / NAME).exists()
            assert set(os.listdir(folder)) <= {PART, f"{PART}.json"}
        else:
            # What was there, and mirrors that only break off, may have made it whole.
            assert path.read_bytes() == site.content
