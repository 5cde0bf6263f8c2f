"""Entries that are not as they were made: never served, made anew, told of."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from idxdata import Cache, open_idx, write_idx
from tests.cache_faults.folder import (
    VALUES,
    entries,
    flip_a_byte,
    forbid_decoding,
    index_files,
    line,
    rewrite,
    start,
    tell,
    the_entry,
)
from tests.strategies import plain

# Damaged entries are made anew


def damage(here: Cache, source: Path) -> Path:
    here.open(source)
    return the_entry(here)


def check_mended(here: Cache, source: Path) -> None:
    assert np.array_equal(here.open(source), VALUES)
    assert np.array_equal(np.load(the_entry(here) / "data.npy"), VALUES)
    assert [check.state for check in here.verify()] == ["sound"]


@pytest.mark.parametrize("length", [0, 5, 100, 128, 129, 223, 225])
def test_data_of_another_size(length: int, source: Path, here: Cache) -> None:
    os.truncate(damage(here, source) / "data.npy", length)
    check_mended(here, source)


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"\x80\x04N.", b"\x93NUMPY\x09\x00", b"\x93NUMPY\x01\x00v\x00"],
    ids=["zip", "pickle", "version", "header"],
)
def test_other_content(content: bytes, source: Path, here: Cache) -> None:
    (damage(here, source) / "data.npy").write_bytes(content + bytes(300))
    check_mended(here, source)


@pytest.mark.parametrize(
    "names", [["data.npy"], ["meta.json"], ["data.npy", "meta.json"]]
)
def test_missing_files(names: list[str], source: Path, here: Cache) -> None:
    entry = damage(here, source)
    for name in names:
        (entry / name).unlink()
    check_mended(here, source)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"null", b'{"a": 1'])
def test_another_meta(content: bytes, source: Path, here: Cache) -> None:
    (damage(here, source) / "meta.json").write_bytes(content)
    check_mended(here, source)


def test_every_byte_of_meta(source: Path, here: Cache) -> None:
    """A flipped bit is noticed, or is where it says nothing; the array is right."""
    entry = damage(here, source)
    sound = (entry / "meta.json").read_bytes()
    for at in range(0, len(sound), 3):
        (entry / "meta.json").write_bytes(sound)
        flip_a_byte(entry / "meta.json", at)
        assert plain(here.open(source)) == plain(VALUES), at


def test_every_position_of_the_npy_header(source: Path, here: Cache) -> None:
    entry = damage(here, source)
    sound = (entry / "data.npy").read_bytes()
    for at in range(len(sound) - VALUES.nbytes):
        for value in (0, ord("'"), sound[at] ^ 1):
            changed = sound[:at] + bytes([value]) + sound[at + 1 :]
            (entry / "data.npy").write_bytes(changed)
            assert plain(here.open(source)) == plain(VALUES), (at, value)


def test_the_meta_of_another_entry(source: Path, here: Cache) -> None:
    write_idx(source.with_name("b"), -VALUES)
    here.open(source)
    one = the_entry(here)
    here.open(source.with_name("b"))
    (other,) = set(entries(here)) - {one}
    for name in ("meta.json", "data.npy"):
        shutil.copy(other / name, one / name)
    assert np.array_equal(here.open(source), VALUES)


def test_a_damaged_entry_whose_source_is_raw_is_no_trouble(
    tmp_path: Path, here: Cache
) -> None:
    write_idx(tmp_path / "a", VALUES.view("u1"))
    open_idx(tmp_path / "a", cache=here, alignment=64)
    os.truncate(the_entry(here) / "data.npy", 3)
    for alignment in (1, 64):
        mapped = open_idx(tmp_path / "a", cache=here, alignment=alignment)
        assert np.array_equal(mapped, VALUES.view("u1"))


# Verify


def states(here: Cache) -> list[str]:
    return [check.state for check in here.verify()]


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_sound_entries_are_sound(dtype: str, tmp_path: Path, here: Cache) -> None:
    assert here.verify() == ()
    for i, shape in enumerate([(7,), (0,), (3, 5), (5 << 20,)]):
        write_idx(tmp_path / str(i), np.resize(np.arange(5), shape).astype(dtype))
        here.open(tmp_path / str(i))
    assert states(here) == ["sound"] * 4


@pytest.mark.parametrize("at", [128, 130, 223])
def test_a_flipped_bit_is_found_and_mended(at: int, source: Path, here: Cache) -> None:
    mapped = here.open(source)
    flip_a_byte(the_entry(here) / "data.npy", at)
    (check,) = here.verify()
    old, entry = entries(here)
    assert (check.entry, check.state) == (entry.name, "repaired")
    assert "SHA-256" in str(check.reason)
    assert np.array_equal(here.open(source), VALUES)
    assert states(here) == ["sound"]
    assert old.exists()
    del mapped
    here.prune()
    assert entries(here) == [entry]


@pytest.mark.parametrize("where", ["moved, then opened", "copied, then opened"])
def test_any_path_of_the_content_mends_it(
    where: str, source: Path, here: Cache
) -> None:
    here.open(source)
    other = source.with_name("other")
    (shutil.move if where.startswith("moved") else shutil.copy)(source, other)
    here.open(other)
    source.unlink(missing_ok=True)
    flip_a_byte(the_entry(here) / "data.npy", 200)
    assert states(here) == ["repaired"]
    assert np.array_equal(here.open(other), VALUES)


@pytest.mark.parametrize("fate", ["gone", "another", "a folder"])
@pytest.mark.parametrize("file", ["data.npy", "meta.json"])
def test_what_cannot_be_mended_is_served_no_more(
    fate: str, file: str, source: Path, here: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.open(source)
    shutil.copy(source, source.with_name("kept"))
    flip_a_byte(the_entry(here) / file, 150)
    if fate == "another":
        rewrite(source, -VALUES)
    else:
        source.unlink()
    if fate == "a folder":
        source.mkdir()
    (check,) = here.verify()
    assert check.state == "damaged"
    assert check.reason
    assert entries(here) == index_files(here) == []
    assert here.entries() == here.verify() == ()
    # Where the content turns up again it is decoded again.
    with monkeypatch.context() as patch:
        forbid_decoding(patch)
        with pytest.raises(AssertionError):
            here.open(source.with_name("kept"))
    assert np.array_equal(here.open(source.with_name("kept")), VALUES)


READER = """
import sys, idxdata
array = idxdata.Cache(sys.argv[1]).open(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
print(int(array.sum()), flush=True)
"""


def test_a_damaged_entry_is_not_deleted_under_its_reader(
    source: Path, here: Cache
) -> None:
    with start(READER, here.folder, source) as reader:
        assert line(reader) == "ready"
        flip_a_byte(the_entry(here) / "data.npy", 200)
        source.unlink()
        assert states(here) == ["damaged"]
        (old,) = entries(here)
        assert old.name.endswith(".old")
        here.prune()
        assert len(entries(here)) == 1
        tell(reader)
        assert line(reader)
    assert reader.returncode == 0
    here.prune()
    assert entries(here) == []


def test_another_version_s_entry_is_left_alone(source: Path, here: Cache) -> None:
    here.open(source)
    entry = the_entry(here)
    other = entry.with_name("0" * 32)
    shutil.copytree(entry, other)
    text = (other / "meta.json").read_text()
    changed = text.replace('"format_version": 2', '"format_version": 99')
    assert changed != text
    (other / "meta.json").write_text(changed)
    assert states(here) == ["sound"]
    assert [found.name for found in here.entries()] == [entry.name]
    here.prune(max_bytes=0)
    assert entries(here) == [other]
