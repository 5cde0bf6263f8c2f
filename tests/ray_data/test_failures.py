"""Damaged and replaced files, and who may connect."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idxdata import ChecksumError, DatasetError, IdxDataError
from tests.ray_data.local import local_ray
from tests.ray_data.shards import make_shards, write

pytest.importorskip("ray")

import ray.exceptions

from idxdata.adapters import ray as adapter

pytestmark = pytest.mark.long


@pytest.fixture(scope="module", autouse=True)
def running_ray() -> Iterator[None]:
    with local_ray():
        yield


def listening_addresses() -> set[str]:
    """Of all processes that this one has started, and theirs; and of itself."""
    psutil = pytest.importorskip("psutil")
    own = psutil.Process()
    found = set()
    for process in (own, *own.children(recursive=True)):
        for connection in process.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN:
                found.add(connection.laddr.ip)
    return found


def test_nothing_listens_to_other_machines(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (50,))
    assert adapter.read_idx(str(made.image_paths[0])).materialize().count() == 50
    addresses = listening_addresses()
    assert addresses
    assert all("127.0.0.1" in address or address == "::1" for address in addresses)


@pytest.mark.parametrize("stream", [False, True])
def test_a_damaged_file_is_named(stream: bool, tmp_path: Path) -> None:
    made = make_shards(tmp_path, (500, 500, 500), containers=("gz",))
    bad = made.image_paths[1]
    data = bytearray(bad.read_bytes())
    data[-8] ^= 1  # the CRC-32
    bad.write_bytes(data)
    dataset = adapter.read_idx(list(map(str, made.image_paths)), stream=stream)
    with pytest.raises(IdxDataError) as caught:
        dataset.materialize()
    error: Any = caught.value
    assert isinstance(error, ChecksumError)
    assert isinstance(error, ray.exceptions.RayTaskError)
    assert isinstance(error.cause, ChecksumError)
    assert error.path == error.cause.path == str(bad)
    assert error.offset == error.cause.offset == len(data) - 8
    assert str(bad) in str(error)


def test_a_file_that_was_replaced_is_named(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (50, 60))
    dataset = adapter.read_idx(list(map(str, made.image_paths)))
    write(made.image_paths[1], made.images[:10])
    with pytest.raises(DatasetError, match="another one by now") as caught:
        dataset.materialize()
    assert caught.value.path == str(made.image_paths[1])
