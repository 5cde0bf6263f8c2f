"""`list` and `fetch`: what the catalogue knows, what is here, what had to be fetched."""

from pathlib import Path

import numpy as np
import pytest

from idxdata import loading, write_idx
from idxdata.catalogue import RECORDS
from idxdata.cli import main
from idxdata.errors import DatasetError, FetchError, PathLike
from tests import miniatures
from tests.cli.conftest import Run

pytest.importorskip("rich")


def test_all(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        result = run("list")
        assert result.status == 0
        lines = result.out.splitlines()
        assert max(map(len, lines)) <= width
        firsts = [line.partition(" ")[0] for line in lines]
        assert [name for name in firsts if name in RECORDS] == list(RECORDS)
    assert "Kuzushiji-MNIST" in result.out
    assert "11.6 MB" in result.out


def test_all_as_json(run: Run) -> None:
    found = {one["name"]: one for one in run("list", "--json").json}
    assert list(found) == list(RECORDS)
    mnist = found["mnist"]
    assert mnist["examples"] == {"train": 60_000, "test": 10_000}
    assert mnist["download_nbytes"] == 9_912_422 + 28_881 + 1_648_877 + 4_542
    assert mnist["where"] == "-"
    assert found["emnist/letters"]["download_nbytes"] == 561_753_746
    assert found["emnist/letters"]["first_label"] == 1
    assert found["qmnist"]["download_nbytes"] is None
    assert found["infimnist"]["examples"] == {"train": None}
    hashes = {
        name: {file["hash"] for file in found[name]["files"]}
        for name in ("mnist", "k49", "emnist/letters", "qmnist")
    }
    assert hashes == {
        "mnist": {"verified"},
        "k49": {"md5 only"},
        "emnist/letters": {"none"},
        "qmnist": {"verified", "quoted"},
    }


@pytest.mark.parametrize("name", RECORDS)
def test_one(run: Run, name: str) -> None:
    result = run("list", name)
    record = RECORDS[name]
    assert result.status == 0
    assert max(map(len, result.out.splitlines())) <= 80
    text = " ".join(result.out.split())
    assert f'import idxdata; data = idxdata.load("{name}")' in text
    for quirk in record.quirks:
        assert quirk in text
    for file in record.files:
        for fact in (file.name, file.sha256, file.md5):
            assert fact is None or fact in result.out
    for archive in record.archives:
        assert archive.sha256 in result.out
    assert record.citation in text
    assert run("list", name, "--json").json["name"] == name


def test_names_as_people_write_them(run: Run) -> None:
    assert run("list", "Fashion-MNIST", "--json").json["name"] == "fashion_mnist"
    result = run("list", "mnits")
    assert result.status == 2
    assert "did you mean" in result.err
    assert not result.out


def test_where(run: Run, tmp_path: Path) -> None:
    """Nothing, a file of four, all; and the archive of six datasets."""
    folder = tmp_path / "cache" / "datasets" / "mnist"
    miniatures.make(RECORDS["mnist"], folder)
    miniatures.make(RECORDS["emnist/digits"], folder.with_name("emnist"))
    found = {one["name"]: one["where"] for one in run("list", "--json").json}
    assert {name for name, where in found.items() if where == "here"} == {
        "mnist",
        *(name for name in RECORDS if name.startswith("emnist/")),
    }
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    assert run("list", "mnist", "--json").json["where"] == "partly"
    assert "(partly)" in " ".join(run("list", "mnist").out.split())


class Fetching:
    """Stands for `fetch_dataset`: writes what is not there, or raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, PathLike | None, bool]] = []
        self.errors: dict[str, Exception] = {}

    def __call__(
        self, name: str, *, folder: PathLike | None, offline: bool
    ) -> tuple[Path, ...]:
        self.calls.append((name, folder, offline))
        if name in self.errors:
            raise self.errors[name]
        place = Path(folder) if folder else Path("cache/datasets").absolute() / name
        place.mkdir(parents=True, exist_ok=True)
        paths = [place / "train-images-idx3-ubyte", place / "new\x1b[31m"]
        for path in paths:
            if not path.exists():
                write_idx(path, np.zeros(3, np.uint8))
        return tuple(paths)


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> Fetching:
    fetching = Fetching()
    monkeypatch.setattr(loading, "fetch_dataset", fetching)
    return fetching


def test_fetch(run: Run, fetching: Fetching, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    write_idx(tmp_path / "here" / "train-images-idx3-ubyte", np.zeros(3, np.uint8))
    result = run("fetch", "MNIST", "--folder", "here", "--offline")
    assert result.status == 0
    assert fetching.calls == [("mnist", "here", True)]
    assert result.out == (
        "mnist: here\n"
        "  train-images-idx3-ubyte, 11 bytes, there already\n"
        "  new?[31m, 11 bytes, fetched\n"
    )


def test_fetch_to_the_cache_as_json(
    run: Run, fetching: Fetching, tmp_path: Path
) -> None:
    place = tmp_path / "cache" / "datasets" / "mnist"
    for was_there in (False, True):
        result = run("fetch", "mnist", "--json")
        assert result.status == 0
        assert result.json == [
            {
                "name": "mnist",
                "folder": str(place),
                "files": [
                    {"path": str(place / name), "nbytes": 11, "was_there": was_there}
                    for name in ("train-images-idx3-ubyte", "new\x1b[31m")
                ],
            }
        ]
    assert fetching.calls == 2 * [("mnist", None, False)]


def test_fetch_goes_on_after_a_failure(run: Run, fetching: Fetching) -> None:
    fetching.errors = {
        "mnist": FetchError("no mirror has it", found="404 | reset"),
        "infimnist": DatasetError("is made on your machine"),
    }
    result = run("fetch", "mnist", "infimnist", "kmnist", "--json")
    assert result.status == 1
    assert [one["name"] for one in result.json] == ["kmnist"]
    assert result.err == (
        "error: no mirror has it: found 404 | reset\nerror: is made on your machine\n"
    )


def test_fetch_of_unknown_names_fetches_nothing(run: Run, fetching: Fetching) -> None:
    assert run("fetch", "mnist", "nonsense").status == 2
    assert run("fetch", "mnist", "kmnist", "--folder", "x").status == 2
    assert not fetching.calls


def test_fetch_names_each_once(run: Run, fetching: Fetching) -> None:
    assert run("fetch", "mnist", "MNIST").status == 0
    assert len(fetching.calls) == 1


def test_fetch_all_that_is_distributed(run: Run, fetching: Fetching) -> None:
    assert run("fetch", "--all", "--json").status == 0
    names = [name for name, _, _ in fetching.calls]
    assert names == [name for name in RECORDS if name not in ("glyphs", "infimnist")]


@pytest.mark.parametrize("arguments", [(), ("--all", "mnist"), ("--all", "--folder=x")])
def test_fetch_takes_names_or_all(
    run: Run, fetching: Fetching, arguments: tuple[str, ...]
) -> None:
    assert run("fetch", *arguments).status == 2
    assert not fetching.calls


def test_fetch_offline_for_real(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not there and no network: one line. There: no network is needed."""
    result = run("fetch", "mnist", "--offline")
    assert result.status == 1
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    made = miniatures.make(RECORDS["mnist"], tmp_path / "own")
    # Files of the published names that are others: said, and not taken for them.
    result = run("fetch", "mnist", "--offline", "--folder", "own")
    assert result.status == 1
    assert "not the file that was published" in result.err
    monkeypatch.setitem(RECORDS, "mnist", made)
    result = run("fetch", "mnist", "--offline", "--folder", "own")
    assert result.status == 0
    assert result.out.count("there already") == 4


def test_main_takes_sys_argv(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["idxdata", "list", "mnist", "--json"])
    assert main() == 0
    assert '"name": "mnist"' in capsys.readouterr().out
