"""JAX: right under asynchronous dispatch; no silent change of dtype."""

from collections import deque
from typing import Any

import numpy as np
import pytest

from idxdata import Batches, BatchFormat, Plan, Split
from idxdata.buffers import aligned_empty
from tests.adapting import adapter, as_numpy, digest, random_split

jax = pytest.importorskip("jax")
jax_adapter = adapter("jax")

ROUNDS = 100


@jax.jit
def slow_sum(images: Any) -> Any:
    """Looks at its input long after it was asked for."""
    flat = images.reshape(len(images), -1)
    spent = jax.lax.fori_loop(0, 40, lambda _, x: jax.numpy.sin(x) + 1, flat)
    # Not foldable: sines are above -1, so that this adds nothing.
    return flat.sum(axis=1) + (spent.sum() < -1e30)


def constant_batches() -> Batches:
    """Batch k is 64 images of the number k."""
    numbers = np.repeat(np.arange(ROUNDS, dtype=np.uint8), 64)
    images = np.broadcast_to(numbers[:, None, None], (len(numbers), 28, 28))
    plan = Plan(len(numbers), 64, seed=0, order="sequential")
    form = BatchFormat(labels="int32")
    return Batches(Split(images, numbers), plan, format=form)


def is_wrong(sums: Any, number: int) -> bool:
    pixel = np.float32(number) / np.float32(255)
    return not np.allclose(np.asarray(sums), 784 * pixel, rtol=1e-5)


def test_batches_let_go_at_once_are_right_under_asynchronous_dispatch() -> None:
    batches = constant_batches()
    sums = [slow_sum(images) for images, _ in jax_adapter.tensors(batches, 0)]
    assert [k for k, found in enumerate(sums) if is_wrong(found, k)] == []


def test_tensors_are_our_memory() -> None:
    batches = constant_batches()
    kept = list(jax_adapter.tensors(batches, 0))
    # Copies would have left the rings at a block or two, used again and again.
    assert (batches._images.num_blocks, batches._labels.num_blocks) == (ROUNDS, ROUNDS)
    assert digest(as_numpy(kept)) == batches.digest(0)


def test_memory_used_again_after_two_batches_would_be_wrong() -> None:
    # What the test above looks for does happen to who counts batches instead.
    blocks = deque(aligned_empty((64, 28, 28), np.float32) for _ in range(2))
    sums = []
    for number in range(ROUNDS):
        blocks[0][...] = np.float32(number) / np.float32(255)
        sums.append(slow_sum(jax.device_put(blocks[0])))
        blocks.rotate()
    assert any(is_wrong(found, k) for k, found in enumerate(sums))


def test_donated_batches() -> None:
    batches = constant_batches()
    double = jax.jit(lambda images: images * 2, donate_argnums=0)
    kept = [double(images) for images, _ in jax_adapter.tensors(batches, 0)]
    for number, images in enumerate(kept):
        pixel = np.float32(number) / np.float32(255) * 2
        assert (np.asarray(images) == pixel).all()


def test_int64_labels_are_refused_where_jax_would_make_them_int32() -> None:
    batches = Batches(random_split(40, 3, 3), Plan(40, 8, seed=1))
    for make in (
        lambda: jax_adapter.tensors(batches, 0),
        lambda: jax_adapter.dataset(batches, 1),
        lambda: jax_adapter.resident(batches),
    ):
        with pytest.raises(ValueError, match="BatchFormat\\(labels='int32'\\)"):
            make()
    with jax.enable_x64(True):
        for pairs in (
            jax_adapter.tensors(batches, 0),
            jax_adapter.dataset(batches, 1),
            jax_adapter.resident(batches).tensors(0),
        ):
            assert digest(as_numpy(pairs)) == batches.digest(0)


def test_on_a_device_by_name() -> None:
    device = jax.devices("cpu")[0]
    form = BatchFormat(labels="int32")
    batches = Batches(random_split(40, 3, 3), Plan(40, 8, seed=1), format=form)
    for pairs in (
        jax_adapter.tensors(batches, 0, device=device),
        jax_adapter.dataset(batches, 1, device=device),
        jax_adapter.resident(batches, device).tensors(0),
    ):
        kept = list(pairs)
        assert {array.device for pair in kept for array in pair} == {device}
        assert digest(as_numpy(kept)) == batches.digest(0)


def test_every_byte_in_a_compiled_function() -> None:
    # XLA turns a division by 255 into a multiplication, with other last bits for 126.
    rule = np.arange(256, dtype=np.float32) / np.float32(255)
    images = np.arange(256, dtype=np.uint8)[:, None, None]
    plan = Plan(256, 256, seed=0, order="sequential")
    form = BatchFormat(labels="int32")
    batches = Batches(Split(images, np.zeros(256, np.uint8)), plan, format=form)
    ((made, _),) = jax_adapter.resident(batches).tensors(0)
    assert (np.asarray(made).ravel() == rule).all()
