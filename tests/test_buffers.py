"""BufferRing: memory goes round, and is never handed out while somebody sees it."""

import gc
import threading
import weakref

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from idxdata.buffers import ALIGNMENT, BufferRing, aligned_empty


@given(
    steps=st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40)
)
def test_no_block_is_handed_out_twice(steps: list[tuple[int, bool]]) -> None:
    # A model: whoever holds an array, or a view of one, finds his own number in it.
    ring = BufferRing((6, 5), np.int64)
    held: dict[int, np.ndarray] = {}
    for number, (place, as_view) in enumerate(steps):
        array = ring.take(3)
        array[...] = number
        assert array.ctypes.data % ALIGNMENT == 0
        held[place] = array.reshape(-1)[2:9] if as_view else array
        del array
        for kept in held.values():
            assert len(np.unique(kept)) == 1
    assert ring.num_blocks <= len(held) + 1


def test_a_block_is_free_at_once_when_nobody_sees_it() -> None:
    ring = BufferRing((4,), np.float32)
    for _ in range(100):
        ring.take(4)
    assert ring.num_blocks == 1


def test_a_view_without_its_array_holds_the_block() -> None:
    ring = BufferRing((4,), np.float32)
    view = memoryview(ring.take(4))
    ring.take(4)
    ring.take(4)
    assert ring.num_blocks == 2
    view.release()
    first, second = ring.take(4), ring.take(4)
    assert ring.num_blocks == 2
    assert first.ctypes.data != second.ctypes.data


def test_threads_share_a_ring() -> None:
    ring = BufferRing((64,), np.int64)
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(2000):
            array = ring.take(64)
            array[...] = number
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert ring.num_blocks <= 8


def test_arrays_outlive_their_ring() -> None:
    ring = BufferRing((3,), np.int64)
    array = ring.take(3)
    array[...] = 7
    gone = weakref.ref(ring)
    del ring
    gc.collect()
    assert gone() is None
    assert array.tolist() == [7, 7, 7]


def test_an_array_of_its_own() -> None:
    for shape in ((), (0,), (3, 5), (128, 28, 28)):
        array = aligned_empty(shape, np.float32)
        assert array.shape == shape
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert array.ctypes.data % ALIGNMENT == 0
