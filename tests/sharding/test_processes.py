"""Sharded splits in other processes, and in those with few file descriptors."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Batches, Plan
from tests.adapting import ROOT, random_split, run_child
from tests.sharding.making import Both, both, even

resource = pytest.importorskip("resource")


@pytest.fixture
def data(tmp_path: Path) -> Both:
    return both(tmp_path, random_split(300, 4, 4), even(300, 150))


FEW_DESCRIPTORS = """
import resource, sys
import numpy as np
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from idxdata import Batches, Plan, load
folder = sys.argv[1]
split = load(images=folder + "/images-*", labels=folder + "/labels-*").train
batches = Batches(split, Plan(len(split), 50, seed=1))
print(batches.digest(0), split.images.num_mapped, int(np.asarray(split.images).sum()))
"""


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_more_shards_than_descriptors(tmp_path: Path, suffix: str) -> None:
    whole = random_split(300, 4, 4)
    data = both(tmp_path, whole, even(300, 150), suffix=suffix)
    expected = Batches(whole, Plan(300, 50, seed=1)).digest(0)
    code = FEW_DESCRIPTORS.replace("-*", f"-*{suffix}")
    found = run_child("-c", code, str(data.folder)).split()
    assert found == [expected, "150", str(int(np.asarray(whole.images).sum()))]


FEW_MAPS = """
import resource, sys
import numpy as np
from idxdata import Batches, Plan, load
folder = sys.argv[1]
split = load(images=folder + "/images-*", labels=folder + "/labels-*").train
batches = Batches(split, Plan(len(split), 50, seed=1))
batches.batch(0, 0)
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
# Room for some shards of a page each, then mmap says ENOMEM.
limit = (pages + 20) * resource.getpagesize()
_, most = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (limit, most))
rows = [np.asarray(split.images[row]).sum() for row in range(len(split))]
resource.setrlimit(resource.RLIMIT_AS, (most, most))
print(sum(map(int, rows)), 0 < split.images.num_mapped < 150)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_where_the_system_refuses_to_map(data: Both) -> None:
    total = int(np.asarray(data.whole.images).sum())
    assert run_child("-c", FEW_MAPS, str(data.folder)).split() == [str(total), "True"]


SPAWN = """
import multiprocessing, sys
from idxdata import Batches, Plan, load

def digest(batches):
    return batches.digest(2), batches.split.images.num_mapped

if __name__ == "__main__":
    folder = sys.argv[1]
    split = load(images=folder + "/images-*", labels=folder + "/labels-*").train
    batches = Batches(split, Plan(len(split), 50, seed=1))
    batches.batch(0, 0)
    for way in ("spawn", "fork"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            print(*pool.apply(digest, (batches,)))
"""


def test_spawned_and_forked_processes_give_the_same(data: Both, tmp_path: Path) -> None:
    script = tmp_path / "spawn.py"
    script.write_text(SPAWN)
    expected = Batches(data.whole, Plan(300, 50, seed=1)).digest(2)
    found = run_child(str(script), str(data.folder))
    assert found == f"{expected} 150\n" * 2


@pytest.mark.parametrize(
    "context", ["fork", pytest.param("spawn", marks=pytest.mark.long)]
)
def test_workers_of_a_data_loader(data: Both, context: Any) -> None:
    torch_data = pytest.importorskip("torch.utils.data")
    from idxdata.adapters import torch as adapter

    plan = Plan(300, 50, seed=1)
    made = []
    for split in (data.whole, data.sharded):
        stream = adapter.dataset(Batches(split, plan), epochs=2)
        loader = torch_data.DataLoader(
            stream, batch_size=None, num_workers=2, multiprocessing_context=context
        )
        made.append([images.numpy().copy() for images, _ in loader])
    assert len(made[0]) == 12
    for one, many in zip(*made, strict=True):
        assert np.array_equal(one, many)


WARM = """
import sys
from idxdata.sharding import ShardedArray
array = ShardedArray.open(sys.argv[1:])
array[3], array[[1, 2]], array[1:2], repr(array)
print([name for name in ("numba", "torch", "ctypes.wintypes") if name in sys.modules])
"""


def test_opening_and_indexing_imports_no_numba(data: Both) -> None:
    paths = [str(data.folder / f"images-{number}") for number in range(5)]
    assert run_child("-c", WARM, *paths) == "[]\n"


def test_ends_quietly_while_maps_are_held(data: Both) -> None:
    code = (
        "import sys, idxdata\n"
        "array = idxdata.ShardedArray.open(sys.argv[1:])\n"
        "array[0], array[9]\n"
        "sys.held = array\n"
    )
    paths = [str(data.folder / f"images-{number}") for number in range(5)]
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", code, *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
