"""The work a source can cause, counted in entries of tables, not in seconds."""

import os
from typing import Any

import numpy as np
import pytest

from idxdata.inflate import new_inflater
from tests.inflate_vectors import SOUND
from tests.test_inflate import empty_blocks

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") != "1",
    reason="only an interpreted kernel can be counted: make test-interpreted",
)


class Counted(np.ndarray[Any, Any]):
    """An array that counts how often something is written to it."""

    num_writes = 0

    def __setitem__(self, index: Any, value: Any) -> None:
        Counted.num_writes += 1
        super().__setitem__(index, value)


def writes(data: bytes) -> int:
    """How many table entries the kernel writes to decode `data`."""
    inflater: Any = new_inflater("numba")
    inflater._tables = inflater._tables.view(Counted)
    Counted.num_writes = 0
    out = memoryview(bytearray(1 << 16))
    _, _, finished = inflater.inflate(memoryview(data), out, True)
    assert finished
    return Counted.num_writes


def test_tables_of_fixed_blocks_are_built_once() -> None:
    assert writes(empty_blocks("fixed", 1000)) == writes(empty_blocks("fixed", 1))


@pytest.mark.parametrize("data", [s.raw() for s in SOUND.values()], ids=SOUND)
def test_entries_written_for_a_byte_are_bounded(data: bytes) -> None:
    """A dynamic block of a dozen bytes can ask for 2342 + 402 entries, and lengths."""
    assert writes(data) <= writes(empty_blocks("fixed", 1)) + 400 * len(data)


def test_empty_dynamic_blocks_are_bounded_too() -> None:
    data = empty_blocks("dynamic", 100)
    assert writes(data) <= 400 * len(data)
