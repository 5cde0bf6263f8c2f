"""Keras 3 by every backend; in a process of its own each, which has one backend only."""

import pytest

from tests.adapting import run_child

FIT = """
import os, sys
backend, feeder = sys.argv[1:]
os.environ["KERAS_BACKEND"] = backend
import keras
import numpy as np
from idxdata import Batches, BatchFormat, Plan
from tests.adapting import adapter, random_split
adapter = adapter(feeder)
form = BatchFormat(layout="flat", labels="int32")
split = random_split(100, 4, 4)
batches = Batches(split, Plan(100, 32, seed=1), format=form)
model = keras.Sequential([keras.layers.Dense(10)])
# Nothing is learnt, so that every epoch's loss is that of the data.
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(keras.optimizers.SGD(0.0), loss)
images = split.images.reshape(100, 16) / np.float32(255)
expected = model.evaluate(images, split.labels, verbose=0)

class Count(keras.callbacks.Callback):
    steps = 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1

count = Count()
options = dict(shuffle=False, verbose=0, callbacks=[count])
data = adapter.dataset(batches, 3)
feed = data if feeder == "tensorflow" else iter(data)
history = model.fit(feed, epochs=3, steps_per_epoch=batches.num_steps, **options)
feed = adapter.dataset(batches, 4) if feeder == "tensorflow" else adapter.tensors(batches, 3)
losses = history.history["loss"] + [model.evaluate(feed, verbose=0)]
assert np.allclose(losses, expected, rtol=1e-4), (losses, expected)
print(count.steps, len(losses))
"""


@pytest.mark.parametrize(
    ("backend", "feeder"),
    [
        ("jax", "jax"),
        ("jax", "numpy"),
        ("torch", "torch"),
        ("torch", "numpy"),
        ("tensorflow", "tensorflow"),
        ("tensorflow", "numpy"),
    ],
)
def test_fit_takes_our_datasets(backend: str, feeder: str) -> None:
    for framework in (backend, feeder, "keras"):
        pytest.importorskip(framework)
    assert run_child("-c", FIT, backend, feeder).split() == ["12", "4"]
