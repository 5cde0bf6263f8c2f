"""Memory that an adapter brings: aligned, and as safe as the ring's own."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from idxdata.buffers import ALIGNMENT, BufferRing, aligned_empty, is_aligned
from tests.adapting import Case


def from_array(nbytes: int) -> Any:
    """Memory that an array owns, and is a view of: NumPy would make it the base."""
    return np.zeros(nbytes + 1, np.uint8)[1:]


@pytest.mark.parametrize("allocate", [bytearray, from_array])
def test_views_hold_memory_of_any_origin(allocate: Any) -> None:
    ring = BufferRing((4, 5), np.float32)
    ring.allocate_by(allocate)
    views = []
    for number in range(20):
        array = ring.take(4)
        array[...] = number
        assert is_aligned(array)
        views.append(array[number % 4 :].reshape(-1)[1:3])
        del array
    assert ring.num_blocks == 20
    assert [set(view.tolist()) for view in views] == [{k} for k in range(20)]
    views.clear()
    for _ in range(20):
        ring.take(4)
    assert ring.num_blocks == 20


def test_memory_of_another_origin_is_let_go() -> None:
    class Memory(bytearray):
        pass

    made: list[weakref.ref[Memory]] = []

    def allocate(nbytes: int) -> Memory:
        memory = Memory(nbytes)
        made.append(weakref.ref(memory))
        return memory

    ring = BufferRing((8,), np.int64)
    ring.allocate_by(allocate)
    kept, other = ring.take(8), ring.take(8)
    del other
    kept[...] = 7
    ring.allocate_by(bytearray)
    for _ in range(3):
        ring.take(8)[...] = 1
    gc.collect()
    assert [memory() is None for memory in made] == [False, True]
    assert kept.tolist() == [7] * 8
    del kept
    gc.collect()
    assert [memory() is None for memory in made] == [True, True]
    assert ring.num_blocks == 1
    # The same one again changes nothing.
    ring.allocate_by(bytearray)
    assert ring.num_blocks == 1


def test_batches_take_memory_from_where_they_are_told() -> None:
    batches = Case("unit").batches()
    asked: list[int] = []

    def allocate(nbytes: int) -> Any:
        asked.append(nbytes)
        return bytearray(nbytes)

    batches.allocate_by(allocate)
    batches.batch(0, 0)
    assert asked == [24 * 72 * 4 + ALIGNMENT - 1, 24 * 4 + ALIGNMENT - 1]


def test_an_address_on_no_boundary() -> None:
    array = aligned_empty((100,), np.uint8)
    assert is_aligned(array)
    assert is_aligned(array[64:])
    assert not is_aligned(array[4:])
