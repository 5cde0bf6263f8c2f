"""Paths and patterns as files; pairs by what wildcards matched."""

import sys
from pathlib import Path

import pytest

from idxdata import DatasetError, IdxDataError, MissingFrameworkError
from idxdata.adapters._patterns import expand, expand_pairs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        for kind in ("images", "labels"):
            for part in ("1", "2"):
                path = tmp_path / name / f"{kind}-{part}.idx"
                path.parent.mkdir(exist_ok=True)
                path.touch()
    return tmp_path


def names(paths: list[str], folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in paths]


def test_one_path_and_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert expand("a/images-1.idx") == [str(folder / "a" / "images-1.idx")]
    both = [Path("b/images-1.idx"), "a/images-1.idx"]
    assert names(expand(both), folder) == ["b/images-1.idx", "a/images-1.idx"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*/images-1.idx", ["a/images-1.idx", "b/images-1.idx", "c/images-1.idx"]),
        (
            "[!b]/images-?.idx",
            [f"{name}/images-{n}.idx" for name in "ac" for n in "12"],
        ),
        ("*/l*-[2].idx", [f"{name}/labels-2.idx" for name in "abc"]),
    ],
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_patterns(pattern: str, expected: list[str], scheme: str, folder: Path) -> None:
    if scheme and "?" in pattern:
        pattern = pattern.replace("?", "*")
    if scheme:
        pytest.importorskip("fsspec")
    if scheme and "!" in pattern:
        pattern = pattern.replace("!b", "ac")
    assert names(expand(f"{scheme}{folder}/{pattern}"), folder) == expected


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_pairs_by_what_matched(scheme: str, folder: Path) -> None:
    if scheme:
        pytest.importorskip("fsspec")
    images, labels = expand_pairs(
        f"{scheme}{folder}/*/images-[0-9].idx", f"{scheme}{folder}/*/labels-*.idx"
    )
    assert len(images) == 6
    assert [path.replace("images", "labels") for path in images] == labels


def test_pairs_by_position(folder: Path) -> None:
    one, other = folder / "a" / "images-1.idx", folder / "b" / "labels-2.idx"
    assert expand_pairs([one], [other]) == ([str(one)], [str(other)])
    patterns = [f"{folder}/{name}/images-*" for name in "ba"]
    images, labels = expand_pairs(
        patterns, [pattern.replace("images", "labels") for pattern in patterns]
    )
    assert names(images, folder)[0] == "b/images-1.idx"
    assert names(labels, folder)[-1] == "a/labels-2.idx"


@pytest.mark.parametrize("missing", ["images", "labels"])
def test_a_file_without_a_partner_is_named(missing: str, folder: Path) -> None:
    (folder / "b" / f"{missing}-2.idx").unlink()
    with pytest.raises(DatasetError) as caught:
        expand_pairs(f"{folder}/*/images-*", f"{folder}/*/labels-*")
    there = "labels" if missing == "images" else "images"
    assert caught.value.path == str(folder / "b" / f"{there}-2.idx")


def test_what_is_refused(folder: Path) -> None:
    path, pattern = folder / "a" / "images-1.idx", f"{folder}/*/labels-1.idx"
    with pytest.raises(DatasetError, match="a pattern goes with a pattern"):
        expand_pairs(path, pattern)
    with pytest.raises(DatasetError, match="not as many files"):
        expand_pairs([path, path], [path])
    with pytest.raises(DatasetError, match="no file is named so"):
        expand(f"{folder}/*/nothing")
    with pytest.raises(DatasetError, match="no files are named"):
        expand([])
    with pytest.raises(TypeError):
        expand(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bytes"):
        expand(b"a")  # type: ignore[arg-type]


def test_a_file_of_just_that_name_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "digits[1].idx").touch()
    (tmp_path / "digits1.idx").touch()
    assert expand(tmp_path / "digits[1].idx") == [str(tmp_path / "digits[1].idx")]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_numbers_are_in_the_order_of_numbers(scheme: str, tmp_path: Path) -> None:
    if scheme:
        pytest.importorskip("fsspec")
    for number in (10, 9, 1):
        (tmp_path / f"part-{number}.idx").touch()
    found = names(expand(f"{scheme}{tmp_path}/part-*.idx"), tmp_path)
    assert found == ["part-1.idx", "part-9.idx", "part-10.idx"]


def test_urls_are_left_as_they_are() -> None:
    pytest.importorskip("fsspec")
    import fsspec

    files = fsspec.filesystem("memory")
    for name in ("0-images", "0-labels", "1-images", "1-labels"):
        files.pipe_file(f"/pairs/{name}", b"")
    url = "memory://pairs/"
    images, labels = expand_pairs(f"{url}*-images", f"{url}*-labels")
    assert [path.rpartition("/")[2] for path in images] == ["0-images", "1-images"]
    assert [path.rpartition("/")[2] for path in labels] == ["0-labels", "1-labels"]
    assert expand("memory://pairs/0-images?x=1") == ["memory://pairs/0-images?x=1"]


def test_a_url_without_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingFrameworkError) as caught:
        expand("memory://a")
    assert isinstance(caught.value, IdxDataError)
    assert caught.value.extra == "fsspec"
