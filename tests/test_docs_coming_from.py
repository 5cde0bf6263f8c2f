"""Each new line on the page for those who come from elsewhere works; old ones are Python.

Datasets are miniatures of the same structure in a cache of their own.
"""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import idxdata
from idxdata import cli
from idxdata.catalogue import RECORDS
from tests import miniatures
from tests.pages import DOCS, blocks

PAGE = DOCS / "coming_from.md"
NAMES = ("mnist", "fashion_mnist", "kmnist", "qmnist", "emnist/letters")
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE)


def lines(column: int) -> list[tuple[str, str]]:
    """(section, code) of that column of all tables."""
    sections = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return [
        (section.splitlines()[0], code)
        for section in sections
        for row in _ROW.findall(section)
        for code in re.findall("`([^`]+)`", row[column])
    ]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the page speaks of; a cache with the datasets."""
    place = tmp_path_factory.mktemp("coming")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("IDXDATA_CACHE", str(place / "cache"))
        for name in NAMES:
            folder = place / "cache" / "datasets" / RECORDS[name].folder
            patch.setitem(RECORDS, name, miniatures.make(RECORDS[name], folder))
        data = idxdata.load("mnist")
        (place / "path" / "to").mkdir(parents=True)
        for target in ("folder --to idx", "mine --to png", "path/to/mnist.npz"):
            assert cli.main(["convert", "mnist", *target.split()]) == 0
        idxdata.write_idx("a.idx", data.train.images)
        idxdata.write_idx("a.gz", data.train.images)
        idxdata.write_idx("images-0", data.train.images)
        idxdata.write_idx("labels-0", data.train.labels)
        yield place


class Model:
    """Takes what Keras's `fit` takes, and looks at one batch."""

    def fit(self, batches: Any, **options: Any) -> None:
        assert set(options) == {"epochs", "steps_per_epoch", "shuffle"}
        images, labels = next(iter(batches))
        assert len(images) == len(labels)


@pytest.mark.long
def test_new_lines(place: Path) -> None:
    torch_adapter = pytest.importorskip("idxdata.adapters.torch")
    tensorflow_adapter = pytest.importorskip("idxdata.adapters.tensorflow")
    pytest.importorskip("pyarrow")
    assert cli.main(["convert", "mnist", "downloaded", "--to", "parquet"]) == 0
    (setup,) = (block.code for block in blocks(PAGE) if block.kind == "python")
    (place / "setup.py").write_text(setup)
    names = runpy.run_path(str(place / "setup.py"))
    from torch.utils.data import DataLoader

    names |= {"DataLoader": DataLoader, "mine": range(3), "rows": [3, 5]}
    names |= {"model": Model(), "array": np.zeros((2, 3), np.uint8)}
    for section, code in lines(1):
        names["batches"] = idxdata.Batches(names["split"], names["plan"])
        is_keras = section.startswith(("keras", "tfds"))
        names["adapter"] = tensorflow_adapter if is_keras else torch_adapter
        kind = "exec" if re.search(r"^[\w, ()]+ = ", code) else "eval"
        value = eval(compile(code, f"{section}: {code}", kind), names)
        if "adapter." in code and kind == "eval" and "model." not in code:
            assert len(next(iter(value))) == 2
    assert names["X"].shape[1] == 784
    assert names["x"].dtype == np.uint8
    assert idxdata.read_idx("b.idx").shape == (2, 3)


def test_old_lines_are_python() -> None:
    old = lines(0)
    assert len(old) >= 35
    for section, code in old:
        compile(code, f"{section}: {code}", "exec")
