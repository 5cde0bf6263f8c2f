"""Both frameworks get the same bytes, in the same order, without a copy."""

from typing import Any

import numpy as np
import pytest

from idxdata import Batches, Dataset, Plan, batch_digest

torch = pytest.importorskip("torch")
tf = pytest.importorskip("tensorflow")

from torch.utils.data import DataLoader

from idxdata.adapters import tensorflow as tensorflow_adapter
from idxdata.adapters import torch as torch_adapter

Pairs = list[tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def batches(small_dataset: Dataset) -> Batches:
    return Batches(small_dataset.train, Plan(300, 64, seed=5))


def as_numpy(pairs: Any) -> Pairs:
    return [(images.numpy(), labels.numpy()) for images, labels in pairs]


def walk_two_epochs(kind: str, batches: Batches) -> Pairs:
    match kind:
        case "torch DataLoader":
            dataset = torch_adapter.dataset(batches, 2)
            return as_numpy(DataLoader(dataset, batch_size=None))
        case "torch DataLoader, 2 workers":
            dataset = torch_adapter.dataset(batches, 2)
            return as_numpy(DataLoader(dataset, batch_size=None, num_workers=2))
        case "torch tensors":
            return [
                pair
                for e in (0, 1)
                for pair in as_numpy(torch_adapter.tensors(batches, e))
            ]
        case "tf.data":
            return as_numpy(tensorflow_adapter.dataset(batches, 2))
        case "tf.data, prefetched":
            return as_numpy(tensorflow_adapter.dataset(batches, 2).prefetch(3))
        case "tf tensors":
            return [
                pair
                for e in (0, 1)
                for pair in as_numpy(tensorflow_adapter.tensors(batches, e))
            ]
    raise AssertionError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "torch DataLoader",
        "torch DataLoader, 2 workers",
        "torch tensors",
        "tf.data",
        "tf.data, prefetched",
        "tf tensors",
    ],
)
# torch warns when it forks beside TensorFlow's threads; the workers only run NumPy.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_two_epochs_are_the_same_bytes(kind: str, batches: Batches) -> None:
    pairs = walk_two_epochs(kind, batches)
    expected = [batch for epoch in (0, 1) for batch in batches.epoch(epoch)]
    assert len(pairs) == len(expected) == 10
    for (images, labels), batch in zip(pairs, expected, strict=True):
        assert images.tobytes() == batch.images.tobytes()
        assert labels.tobytes() == batch.labels.tobytes()
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
    assert batch_digest(pairs[:5]) == batches.digest(0)
    assert batch_digest(pairs[5:]) == batches.digest(1)


def test_tensors_are_no_copies(batches: Batches) -> None:
    for images, labels in torch_adapter.tensors(batches, 0):
        batch_address = images.data_ptr()
        images[0] = 7
        assert images.numpy().ctypes.data == batch_address
        assert labels.data_ptr() % 64 == 0
    # Blocks are used again: a copy would leave the ring at one block.
    ring = Batches(batches.split, batches.plan)
    kept = [images for images, _ in tensorflow_adapter.tensors(ring, 0)]
    assert ring._images.num_blocks == len(kept) == 5


def test_unaligned_memory_is_copied_for_tensorflow() -> None:
    # TensorFlow would abort the process at the first operation.
    block = np.zeros(4096, np.uint8)
    offset = -block.ctypes.data % 64 + 4
    array = block[offset : offset + 400].view(np.float32)
    array[:] = np.arange(100)
    tensor = tensorflow_adapter._tensor(array)
    assert float(tf.reduce_sum(tensor * 2)) == 9900


def test_torch_dataset_is_a_map(batches: Batches) -> None:
    dataset = torch_adapter.dataset(batches, 3)
    assert len(dataset) == 15
    images, _ = dataset[7]
    assert images.numpy().tobytes() == batches.batch(1, 2).images.tobytes()
    for index in (15, -1):
        with pytest.raises(IndexError):
            dataset[index]


def test_tf_dataset_in_a_function(batches: Batches) -> None:
    dataset = tensorflow_adapter.dataset(batches, 2)
    assert int(dataset.cardinality()) == 10
    assert dataset.element_spec[0].shape.as_list() == [None, 28, 28]

    @tf.function
    def total(data: Any) -> Any:
        result = tf.constant(0, tf.int64)
        for _, labels in data:
            result += tf.reduce_sum(labels)
        return result

    assert int(total(dataset)) == 2 * int(batches.split.labels.sum())


def test_tf_dataset_in_keras_fit(batches: Batches) -> None:
    keras = tf.keras
    model = keras.Sequential(
        [keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    history = model.fit(
        tensorflow_adapter.dataset(batches, 2),
        epochs=2,
        steps_per_epoch=batches.num_steps,
        shuffle=False,
        verbose=0,
    )
    assert len(history.history["loss"]) == 2
    assert np.isfinite(history.history["loss"]).all()
