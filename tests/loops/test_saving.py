"""mlp-512 as its text has it: trained, evaluated, saved, loaded again, the same."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from idxdata import Batches, BatchFormat, Dataset, Plan
from tests.adapting import adapter as adapter_for
from trainers.loops import find_loop, import_loop
from trainers.loops.job import Job
from trainers.metrics import compute_metrics, probabilities
from trainers.recipes import find_recipe
from trainers.weights import initial_weights

FILES = [
    ("torch-eager", "model.safetensors"),
    ("torch-eager", "model.pt"),
    ("tf-function", "model.keras"),
    ("keras-tf", "model.keras"),
    ("jax-jit", "model.safetensors"),
]


@pytest.mark.parametrize(("name", "file_name"), FILES)
def test_saved_and_loaded(
    name: str, file_name: str, small_dataset: Dataset, tmp_path: Path
) -> None:
    loop = find_loop(name)
    module = import_loop(loop)
    adapter = adapter_for(loop.adapter)
    recipe = find_recipe("mlp-512")
    form = BatchFormat(labels="one_hot", num_classes=10)
    train = Batches(small_dataset.train, Plan(300, 256, seed=1), format=form)
    sequential = Plan(100, 64, seed=0, order="sequential")
    test = Batches(small_dataset.test, sequential, format=form)
    job = Job(recipe, loop.form, num_steps=4)
    module.configure(job)

    def predictions(trainer: Any) -> np.ndarray:
        logits = module.predict(trainer, adapter.tensors(test, 0))
        return probabilities(logits)

    trainer = module.build(job)
    module.load_weights(trainer, initial_weights(recipe, 0))
    before = predictions(trainer)
    for images, labels in adapter.tensors(train, 0):
        module.train_step(trainer, images, labels)
    trained = predictions(trainer)
    assert not np.array_equal(before, trained)
    path = tmp_path / file_name
    module.save_model(trainer, path)

    other = module.build(job)
    module.load_weights(other, initial_weights(recipe, 1))
    module.load_model(other, path)
    np.testing.assert_array_equal(predictions(other), trained)
    metrics = [
        compute_metrics(small_dataset.test.labels, found)
        for found in (trained, predictions(other))
    ]
    assert metrics[0] == metrics[1]
