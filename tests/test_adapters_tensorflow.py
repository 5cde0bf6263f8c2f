"""TensorFlow: checkpoints, functions, fit, replicas; memory that it would abort at."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Augmentation, Batches, BatchFormat, Plan
from tests.adapting import (
    FORMATS,
    Case,
    adapter,
    as_numpy,
    digest,
    random_split,
    run_child,
)

tf = pytest.importorskip("tensorflow")
tensorflow = adapter("tensorflow")

KINDS = {
    "indexed": {},
    "called": {"augmentation": Augmentation(shift=1)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("last_batch", ["keep", "drop", "pad"])
@pytest.mark.parametrize("steps", [0, 1, 4, 5, 7])
def test_checkpoints_resume_exactly(
    kind: str, last_batch: str, steps: int, tmp_path: Path
) -> None:
    batches = Case("unit", last_batch=last_batch).batches(**KINDS[kind])
    dataset = tensorflow.dataset(batches, 3)
    iterator = iter(dataset)
    for _ in range(steps):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).write(str(tmp_path / "state"))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 10_000
    resumed = iter(dataset)
    tf.train.Checkpoint(iterator=resumed).read(path).assert_consumed()
    rest = as_numpy(resumed)
    assert len(rest) == 3 * batches.num_steps - steps
    assert digest(rest) == digest(as_numpy(dataset)[steps:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", FORMATS)
def test_in_a_function_the_bits_are_the_same(kind: str, format: str) -> None:
    batches = Case(format).batches(**KINDS[kind])
    dataset = tensorflow.dataset(batches, 2)
    assert int(dataset.cardinality()) == 10
    spec = dataset.element_spec
    assert spec[0].shape.as_list() == [None, *batches.image_shape]
    assert spec[1].shape.as_list() == [None, *batches.label_shape]

    @tf.function
    def walk(data: Any) -> Any:
        images = tf.TensorArray(spec[0].dtype, 10, infer_shape=False)
        labels = tf.TensorArray(spec[1].dtype, 10, infer_shape=False)
        for at, batch in data.enumerate():
            images = images.write(tf.cast(at, tf.int32), batch[0])
            labels = labels.write(tf.cast(at, tf.int32), batch[1])
        return images.concat(), labels.concat()

    images, labels = (tensor.numpy() for tensor in walk(dataset))
    expected = [batches.batch(epoch, step) for epoch in (0, 1) for step in range(5)]
    assert (
        images.tobytes()
        == np.concatenate([batch.images for batch in expected]).tobytes()
    )
    assert (
        labels.tobytes()
        == np.concatenate([batch.labels for batch in expected]).tobytes()
    )


@pytest.mark.parametrize("last_batch", ["drop", "pad"])
def test_batches_of_one_size_have_it_in_their_shape(last_batch: str) -> None:
    dataset = tensorflow.dataset(Case("unit", last_batch=last_batch).batches(), 1)
    assert [spec.shape[0] for spec in dataset.element_spec] in ([24] * 2, [24] * 3)


def test_pipelines_with_options_of_the_user() -> None:
    batches = Case("unit").batches()
    options = tf.data.Options()
    options.autotune.enabled = True
    options.experimental_optimization.apply_default_optimizations = True
    options.experimental_optimization.map_parallelization = True
    dataset = tensorflow.dataset(batches, 1).prefetch(3).with_options(options)
    for _ in range(2):
        assert digest(as_numpy(dataset)) == batches.digest(0)


def test_keras_fit_sees_our_batches() -> None:
    batches = Batches(random_split(100, 4, 4), Plan(100, 32, seed=1))
    keras = tf.keras
    seen: list[Any] = []

    class Sum(keras.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any) -> Any:
            tf.py_function(lambda array: seen.append(array.numpy()), [inputs], [])
            return inputs

    model = keras.Sequential(
        [
            keras.layers.Input((4, 4)),
            Sum(),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    dataset = tensorflow.dataset(batches, 2)
    history = model.fit(dataset, epochs=2, steps_per_epoch=4, shuffle=False, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    expected = [batches.batch(epoch, step) for epoch in (0, 1) for step in range(4)]
    assert len(seen) == 8
    for images, batch in zip(seen, expected, strict=True):
        assert images.tobytes() == batch.images.tobytes()


def used(dataset: Any, use: str) -> None:
    """Each holds the dataset by another object; all of them are gone after."""
    match use:
        case "part":
            next(iter(dataset.prefetch(2)))
        case "iterator":
            iterator = iter(dataset)
            del dataset
            gc.collect()
            assert len(list(iterator)) == 5
        case "pipeline":
            other = dataset.map(lambda *batch: batch, num_parallel_calls=2).cache()
            del dataset
            gc.collect()
            assert len(list(other)) == len(list(other)) == 5
        case "function":
            count = tf.function(lambda data: data.reduce(0, lambda n, _: n + 1))
            assert int(count(dataset)) == 5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("use", ["part", "iterator", "pipeline", "function"])
def test_batches_and_split_go_with_the_last_that_uses_them(kind: str, use: str) -> None:
    alive = []
    for _ in range(3):
        batches = Case("unit").batches(**KINDS[kind])
        alive += [weakref.ref(batches), weakref.ref(batches.split.images)]
        dataset = tensorflow.dataset(batches, 1)
        del batches
        gc.collect()
        used(dataset, use)
        del dataset
    gc.collect()
    assert [reference() for reference in alive] == [None] * 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_made_in_a_function_lives_as_long_as_that(kind: str) -> None:
    batches = Case("unit").batches(**KINDS[kind])
    alive, made = weakref.ref(batches), [batches]

    @tf.function
    def count() -> Any:
        return tensorflow.dataset(made.pop(), 1).reduce(0, lambda n, *_: n + 1)

    del batches
    for _ in range(2):
        assert int(count()) == 5
        gc.collect()
    del count
    gc.collect()
    assert alive() is None


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="has a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    batches = Case("unit").batches()
    for device in ("GPU:0", "/device:GPU:0", "gpu", "CPU:9"):
        with pytest.raises(ValueError, match="only /device:CPU:0"):
            tensorflow.resident(batches, device)
    for device in ("cpu:0", "/CPU:0", "/job:localhost/replica:0/task:0/device:CPU:0"):
        pairs = tensorflow.resident(batches, device).tensors(0)
        assert digest(as_numpy(pairs)) == batches.digest(0)


REPLICAS = """
import numpy as np
import tensorflow as tf
from tests.adapting import Case, adapter, digest
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * 2
)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
for form in ("unit", "one mean"):
    batches = Case(form).batches()
    dataset = adapter("tensorflow").dataset(batches, 2)
    pairs = []
    for batch in strategy.experimental_distribute_dataset(dataset):
        parts = [strategy.experimental_local_results(value) for value in batch]
        assert [len(part) for part in parts] == [2, 2]
        assert all(len(part[1]) for part in parts)
        pairs.append(tuple(np.concatenate([x.numpy() for x in part]) for part in parts))
    assert digest(pairs) == digest(
        [(b.images, b.labels) for e in (0, 1) for b in batches.epoch(e)]
    )
    print("same")
"""


def test_replicas_share_every_batch() -> None:
    assert run_child("-c", REPLICAS).split() == ["same", "same"]


UNALIGNED = """
import numpy as np
import tensorflow as tf
from idxdata import Batches, Plan, Split
from idxdata.buffers import aligned_empty
from tests.adapting import adapter, as_numpy, digest
adapter = adapter("tensorflow")
block = np.zeros(8000, np.uint8)
for offset in (1, 4, 16, 32):
    start = -block.ctypes.data % 64 + offset
    array = block[start : start + 400].view(np.float32)
    array[:] = np.arange(100)
    assert float(tf.reduce_sum(adapter._tensor(array) * 2)) == 9900
    # A raw IDX file that is mapped begins at its header's end.
    images = block[start : start + 7700].reshape(100, 7, 11)
    images[...] = np.arange(100)[:, None, None]
    for writable in (True, False):
        images.flags.writeable = writable
        batches = Batches(Split(images, np.arange(100)), Plan(100, 32, seed=1))
        for pairs in (adapter.dataset(batches, 1), adapter.resident(batches).tensors(0)):
            assert digest(as_numpy(pairs)) == batches.digest(0)
    images = None
    block = block.copy()
# A block whose address is known, and an array that begins elsewhere in it.
importer = adapter._Importer()
whole = aligned_empty((100,), np.float32)
for start in (0, 1, 0, 1):
    array = np.ndarray(100 - start, np.float32, buffer=whole.base, offset=4 * start)
    array[:] = 1
    assert float(tf.reduce_sum(importer.tensor(array) * 2)) == 2 * len(array)
assert len(importer._aligned) == 1
print("alive")
"""


def test_unaligned_memory_is_copied_where_tensorflow_would_abort() -> None:
    assert run_child("-c", UNALIGNED).split() == ["alive"]


def test_tensors_are_our_memory() -> None:
    batches = Case("unit").batches()
    kept = list(tensorflow.tensors(batches, 0))
    # Copies would have left the rings at one block, used again and again.
    assert (batches._images.num_blocks, batches._labels.num_blocks) == (5, 5)
    assert digest(as_numpy(kept)) == batches.digest(0)


def test_labels_and_formats_keep_their_dtypes() -> None:
    for labels in ("int64", "int32"):
        batches = Batches(
            random_split(40, 3, 3),
            Plan(40, 8, seed=1),
            format=BatchFormat(labels=labels),
        )
        assert tensorflow.dataset(batches, 1).element_spec[1].dtype.name == labels
        assert digest(as_numpy(tensorflow.dataset(batches, 1))) == batches.digest(0)
