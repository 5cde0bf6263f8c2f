"""Files appear whole or not at all, and the old one stays until then."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from idxdata import FormatError
from idxdata.atomic import atomic_write, temporary_sibling


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


def refused(path: str) -> OSError:
    """The error of writing to `path`, which must be the one of `open`."""
    with pytest.raises(OSError) as caught, atomic_write(path):
        raise AssertionError("the block must not begin")
    with pytest.raises(OSError) as expected:
        open(path, "wb").close()
    assert type(caught.value) is type(expected.value)
    assert str(caught.value) == str(expected.value)
    return caught.value


def test_new_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with atomic_write(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["f"]


def test_old_file_stays_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    with open(path, "rb") as reader:
        with atomic_write(str(path)) as file:
            file.write(b"new")
            file.flush()
            assert path.read_bytes() == b"old"
        assert path.read_bytes() == b"new"
        assert reader.read() == b"old"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("old", [None, b"old"])
def test_an_error_leaves_everything_as_it_was(
    old: bytes | None, error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "f"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(error), atomic_write(path) as file:
        file.write(b"half")
        raise error
    assert os.listdir(tmp_path) == ([] if old is None else ["f"])
    assert old is None or path.read_bytes() == old


def test_a_folder_in_the_way_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.mkdir()
    for name in (str(path), f"{path}{os.sep}", os.fspath(tmp_path / "f" / ".."), "/"):
        assert isinstance(refused(name), IsADirectoryError)
    assert os.listdir(tmp_path) == ["f"]
    assert path.is_dir()


def test_a_folder_made_meanwhile_is_an_error_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with pytest.raises(IsADirectoryError) as caught, atomic_write(path):
        path.mkdir()
    assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_parent_that_cannot_hold_it_is_an_error(parent: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name in (tmp_path / parent / "f", tmp_path / parent / ".." / "f"):
        error = refused(str(name))
        assert isinstance(error, FileNotFoundError | NotADirectoryError)
    assert os.listdir(tmp_path) == ["file"]


def test_names_that_open_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    (place / "loop").symlink_to("loop")
    (place / "file").write_bytes(b"old")
    (place / "lost").symlink_to(place / "no" / "f")
    assert isinstance(refused(""), FileNotFoundError)
    for name in ("new/", "file/"):
        with pytest.raises(IsADirectoryError, match=repr(name)), atomic_write(name):
            raise AssertionError("the block must not begin")
    assert isinstance(refused("s3://bucket/f"), FileNotFoundError)
    assert isinstance(refused("lost"), FileNotFoundError)
    assert refused("loop").errno == errno.ELOOP
    assert refused("f" * 256).errno == errno.ENAMETOOLONG
    assert sorted(os.listdir(place)) == ["file", "loop", "lost"]
    assert os.listdir(tmp_path) == ["place"]


def test_a_path_that_is_bytes_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="pass a str"), atomic_write(b"f"):  # type: ignore[arg-type]
        raise AssertionError("the block must not begin")


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "link to a pipe"])
def test_what_is_no_regular_file_is_left_alone(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The path of a socket may have 108 bytes.
    monkeypatch.chdir(tmp_path)
    path = Path("f")
    if kind == "device":
        path.symlink_to(os.devnull)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("f")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        os.mkfifo("pipe")
        path.symlink_to("pipe")
    before = path.stat()
    with (
        pytest.raises(FormatError, match="not a regular") as caught,
        atomic_write(path),
    ):
        raise AssertionError("the block must not begin")
    assert caught.value.path == "f"
    after = path.stat()
    assert (after.st_mode, after.st_ino) == (before.st_mode, before.st_ino)
    assert not [name for name in os.listdir() if name.endswith(".part")]


def test_links_stay_and_what_they_point_to_is_replaced(tmp_path: Path) -> None:
    for target in ("old", "new"):
        (tmp_path / "old").write_bytes(b"old")
        link = tmp_path / f"to-{target}"
        link.symlink_to(target)
        with atomic_write(link) as file:
            file.write(b"new")
        assert link.is_symlink()
        assert (tmp_path / target).read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o666, 0o751])
def test_the_permission_bits_are_kept(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"old")
    path.chmod(mode)
    with umask(0o022), atomic_write(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
        file.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


def test_a_new_file_has_the_usual_permission_bits(tmp_path: Path) -> None:
    with umask(0o027), atomic_write(tmp_path / "f"):
        pass
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["f" * 255, "é" * 127])
def test_the_longest_names_can_be_written(name: str, tmp_path: Path) -> None:
    for content in (b"old", b"new"):
        with atomic_write(tmp_path / name) as file:
            file.write(content)
        assert (tmp_path / name).read_bytes() == content
    assert os.listdir(tmp_path) == [name]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with atomic_write(path) as one:
        with atomic_write(path) as two:
            one.write(b"one")
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["f"]


def test_temporary_names_are_hidden_siblings() -> None:
    path = Path("folder") / ("digits" * 40)
    names = {temporary_sibling(path) for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert name.parent == path.parent
        assert name.name.startswith(".")
        assert name.suffix == ".part"
        assert len(name.name) < 64
