"""Files appear whole or not at all, and the old one stays until then."""

import os
from pathlib import Path

import pytest

from idxdata.atomic import atomic_write, temporary_sibling


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
    with pytest.raises(OSError), atomic_write(path) as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == ["f"]
    assert path.is_dir()


@pytest.mark.parametrize("parent", ["missing", "file"])
def test_a_parent_that_cannot_hold_it_is_an_error(parent: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises((FileNotFoundError, NotADirectoryError)),
        atomic_write(tmp_path / parent / "f"),
    ):
        raise AssertionError("the block must not begin")
    assert os.listdir(tmp_path) == ["file"]


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
    path = Path("folder") / "digits.gz"
    names = {temporary_sibling(path) for _ in range(100)}
    assert len(names) == 100
    for name in names:
        assert name.parent == path.parent
        assert name.name.startswith(".digits.gz.")
        assert name.suffix == ".part"
