"""Datasets that are not there: fetched, checked, and never half or wrong."""

import gzip
import http.server
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from idxdata import (
    Cache,
    CatalogueError,
    DatasetError,
    DigestError,
    FetchError,
    fetch_dataset,
    load,
)
from idxdata.catalogue import RECORDS, Record
from tests import miniatures
from tests.test_catalogue import by_name, check

FETCHED = [record for record in RECORDS.values() if record.mirrors or record.archives]


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDXDATA_OFFLINE")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)


@contextmanager
def mirror(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The files of a folder, served; its address and what was asked for."""
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *_: object) -> None:
            asked.append(self.path)

    folder.mkdir(exist_ok=True)
    handler = partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(
            target=server.serve_forever, args=(0.02,), daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/", asked
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def published(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Record, list[str], Path]]:
    """A miniature of the dataset on a mirror; the folder that the mirror serves."""
    folder = tmp_path / "mirror"
    with mirror(folder) as (url, asked):
        record = miniatures.make(RECORDS[name], folder, urls=url)
        monkeypatch.setitem(RECORDS, name, record)
        yield record, asked, folder


@pytest.mark.parametrize("record", FETCHED, ids=by_name)
def test_each_dataset_is_fetched_once(
    record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    with published(record.name, tmp_path, monkeypatch) as (made, asked, _):
        check(load(record.name, cache=cache), made)
        first = list(asked)
        assert len(first) == len(set(first))
        check(load(record.name, cache=cache), made)
        assert asked == first
    # The mirror is gone, the data is there.
    check(load(record.name, cache=cache, download=False), made)
    place = cache.folder / "datasets" / record.folder
    assert sorted(f"/{name}" for name in os.listdir(place)) == sorted(first)


def test_only_what_is_missing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is there counts, in any spelling; other candidates are not fetched."""
    with published("qmnist", tmp_path, monkeypatch) as (record, asked, folder):
        place = tmp_path / "mine"
        place.mkdir()
        packed = (folder / "qmnist-train-images-idx3-ubyte.gz").read_bytes()
        raw = place / "qmnist-train-images.idx3-ubyte"
        raw.write_bytes(gzip.decompress(packed))
        paths = fetch_dataset("qmnist", folder=place)
        check(load("qmnist", folder=place), record)
    assert raw in paths
    assert len(paths) == 4
    assert len(asked) == 3
    assert "/qmnist-test-labels-idx1-ubyte.gz" not in asked


def test_the_six_splits_of_emnist_share_one_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published("emnist/letters", tmp_path, monkeypatch) as (record, asked, _):
        other = replace(record, name="emnist/digits")
        monkeypatch.setitem(RECORDS, "emnist/digits", other)
        cache = Cache(tmp_path / "cache")
        load("emnist/letters", cache=cache)
        load("emnist/digits", cache=cache)
    assert asked == ["/gzip.zip"]


def test_the_second_archive_where_the_first_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published("emnist/letters", tmp_path, monkeypatch) as (record, _asked, folder):
        gone = replace(record.archives[0], urls=(record.archives[0].urls[0] + ".gone",))
        other = replace(
            record.archives[0],
            name="emnist-gzip.zip",
            urls=(record.archives[0].urls[0].replace("gzip", "emnist-gzip"),),
        )
        (folder / "gzip.zip").rename(folder / "emnist-gzip.zip")
        made = replace(record, archives=(gone, other))
        monkeypatch.setitem(RECORDS, record.name, made)
        check(load(record.name, cache=Cache(tmp_path / "cache")), made)
        bad = replace(other, urls=(other.urls[0] + ".gone",))
        monkeypatch.setitem(RECORDS, record.name, replace(made, archives=(gone, bad)))
        with pytest.raises(FetchError, match="no archive") as caught:
            load(record.name, cache=Cache(tmp_path / "other"))
    assert [url for url, _ in caught.value.attempts] == [*gone.urls, *bad.urls]


@pytest.mark.parametrize("how", ["flipped", "page", "short"])
def test_a_bad_download_never_becomes_a_dataset(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    with published("mnist", tmp_path, monkeypatch) as (record, _, folder):
        path = folder / "t10k-labels-idx1-ubyte.gz"
        good = path.read_bytes()
        flipped = good[:-12] + bytes([good[-12] ^ 1]) + good[-11:]
        path.write_bytes(
            {"flipped": flipped, "page": b"<html>", "short": good[:-3]}[how]
        )
        for _ in range(2):
            with pytest.raises(DigestError) as caught:
                load("mnist", cache=cache)
            assert caught.value.path is not None
            assert caught.value.path.endswith("t10k-labels-idx1-ubyte.gz")
        place = cache.folder / "datasets" / "mnist"
        # What was right is kept, of what was wrong nothing.
        assert sorted(os.listdir(place)) == sorted(
            file.name for file in record.files if file.name != path.name
        )
        assert cache.entries() == ()
        path.write_bytes(good)
        check(load("mnist", cache=cache), record)


@pytest.mark.parametrize("how", ["shape", "damaged"])
def test_without_a_published_hash_the_content_is_looked_into(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published("oracle_mnist", tmp_path, monkeypatch) as (record, _, folder):
        files = tuple(
            replace(file, sha256=None, nbytes=None)
            if file.name == "train-images-idx3-ubyte.gz"
            else file
            for file in record.files
        )
        record = replace(record, files=files)
        monkeypatch.setitem(RECORDS, "oracle_mnist", record)
        path = folder / "train-images-idx3-ubyte.gz"
        good = path.read_bytes()
        other = (folder / "t10k-images-idx3-ubyte.gz").read_bytes()
        path.write_bytes(other if how == "shape" else good[:-20] + bytes(20))
        cache = Cache(tmp_path / "cache")
        with pytest.raises(DigestError) as caught:
            load("oracle_mnist", cache=cache)
        place = cache.folder / "datasets" / "oracle_mnist"
        assert not (place / path.name).exists()
        text = "shape" if how == "shape" else "CRC-32|deflate|truncated|block|garbage"
        assert caught.match(text)
        path.write_bytes(good)
        check(load("oracle_mnist", cache=cache), record)


def test_a_named_folder_is_not_filled_by_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published("mnist", tmp_path, monkeypatch) as (_, asked, _):
        with pytest.raises(DatasetError) as caught:
            load("mnist", folder=tmp_path / "mistyped")
        assert "idxdata fetch mnist --folder" in str(caught.value.hint)
        assert asked == []
        assert not (tmp_path / "mistyped").exists()
        assert len(fetch_dataset("mnist", folder=tmp_path / "mistyped")) == 4


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_offline(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "variable":
        monkeypatch.setenv("IDXDATA_OFFLINE", "1")

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket is opened")

    monkeypatch.setattr(socket, "socket", refuse)
    cache = Cache(tmp_path / "cache")
    with pytest.raises(FetchError, match="not to be used") as caught:
        load("mnist", cache=cache, download=by == "variable")
    place = cache.folder / "datasets" / "mnist"
    assert caught.value.path == str(place / "train-images-idx3-ubyte.gz")
    with pytest.raises(FetchError):
        fetch_dataset("mnist", cache=cache, offline=by == "argument")


def test_what_cannot_be_fetched(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="made on your machine") as caught:
        fetch_dataset("infimnist", folder=tmp_path)
    assert "infimnist pat" in str(caught.value.hint)
    with pytest.raises(CatalogueError):
        fetch_dataset("imagenet")


def test_glyphs_are_drawn() -> None:
    paths = fetch_dataset("glyphs")
    assert len(paths) == 4
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize("how", ["page", "empty", "swapped"])
def test_what_is_there_under_a_published_name_is_checked(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published("mnist", tmp_path, monkeypatch) as (_, asked, folder):
        path = folder / "train-labels-idx1-ubyte.gz"
        other = (folder / "t10k-labels-idx1-ubyte.gz").read_bytes()
        path.write_bytes({"page": b"<html>", "empty": b"", "swapped": other}[how])
        with pytest.raises(DigestError, match="delete it") as caught:
            fetch_dataset("mnist", folder=folder)
        assert caught.value.path == str(path)
        assert asked == []
