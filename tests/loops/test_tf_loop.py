"""TensorFlow's loops: against NumPy in float64, each form against the others."""

import functools
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.parity.reference import Reference
from trainers.errors import CheckpointError
from trainers.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
)
from trainers.loops.job import Job
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

tf = pytest.importorskip("tensorflow")

from trainers.loops import tf_loop as loop

FORMS = ("eager", "function", "xla")
QUICK_FORMS = ("eager", "function")  # XLA takes seconds to compile all layers
NUM_STEPS = 100
SEED = 7

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(0.1),
    "momentum": SGD(0.1, momentum=0.9),
    "nesterov": SGD(0.1, 0.9, True, final_learning_rate=0.01, warmup=0.3),
    "rmsprop": RMSprop(0.01, rho=0.8, epsilon=1e-3),
    "adam": Adam(0.01, final_learning_rate=0, beta1=0.8, beta2=0.99, epsilon=1e-3),
    "adamw": AdamW(0.01, weight_decay=0.1),
}

# Not square, pooling drops a border, several channels, every kind of layer.
RECIPE = Recipe(
    name="all-layers",
    image_shape=(11, 9),
    layers=(
        Conv(3, 3, "tanh", padding="same"),
        BatchNorm(momentum=0.9, epsilon=1e-5),
        Activate("relu"),
        Dropout(0.2),
        MaxPool(2),
        Conv(4, 2),
        AveragePool(2),
        Flatten(),
        Dropout(0.3),
        Dense(5, "sigmoid"),
        BatchNorm(),
        Dense(4),
    ),
    optimizer=OPTIMIZERS["adam"],
    batch_size=8,
    epochs=1,
)
WEIGHTS = initial_weights(RECIPE, 1)

# tanh before the normalisation: straight below it a bias has no gradient but rounding,
# which Adam divides by its own size; ReLU may give the same number for a whole batch.
SMALL = replace(
    RECIPE,
    layers=(Flatten(), Dense(6, "tanh"), BatchNorm(), Dropout(0.2), Dense(4)),
)

Batch = tuple[Any, Any]


@functools.cache
def batches(count: int = NUM_STEPS, *, one_hot: bool = False) -> list[Batch]:
    """The last is short."""
    random = np.random.default_rng(5)
    pairs = []
    for size in [8] * (count - 1) + [5]:
        images = random.random((size, 11, 9), dtype=np.float32)
        labels = random.integers(0, 4, size)
        pairs.append(
            (images, np.eye(4, dtype=np.float32)[labels] if one_hot else labels)
        )
    return pairs


def tensors(pairs: list[Batch]) -> list[Batch]:
    return [(tf.constant(images), tf.constant(labels)) for images, labels in pairs]


def trainer_of(recipe: Recipe, form: str, **settings: Any) -> loop.Trainer:
    numbers = {"num_steps": NUM_STEPS, "seed": SEED, "precision": "float64"} | settings
    trainer = loop.build(Job(recipe, form, **numbers))
    loop.load_weights(trainer, initial_weights(recipe, 1))
    return trainer


def train(trainer: loop.Trainer, pairs: list[Batch]) -> list[float]:
    return loop.to_floats([loop.train_step(trainer, *pair) for pair in tensors(pairs)])


def assert_same_bits(left: Weights, right: Weights) -> None:
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


@functools.cache
def run(form: str, optimizer: str) -> tuple[list[float], Weights]:
    trainer = trainer_of(replace(RECIPE, optimizer=OPTIMIZERS[optimizer]), form)
    return train(trainer, batches()), loop.get_weights(trainer)


def check(recipe: Recipe, losses: list[float], weights: Weights) -> None:
    """Compare a run over `batches()` with the reference's."""
    reference = Reference(recipe, initial_weights(recipe, 1), NUM_STEPS, seed=SEED)
    expected = [reference.train_step(*pair) for pair in batches()]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for name, array in reference.weights.items():
        np.testing.assert_allclose(weights[name], array, rtol=0, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("form", QUICK_FORMS)
def test_float64_is_the_reference(form: str, optimizer: str) -> None:
    recipe = replace(RECIPE, optimizer=OPTIMIZERS[optimizer])
    check(recipe, *run(form, optimizer))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_float64_is_the_reference_in_xla(optimizer: str) -> None:
    recipe = RECIPE if optimizer == "adam" else SMALL
    recipe = replace(recipe, optimizer=OPTIMIZERS[optimizer])
    trainer = trainer_of(recipe, "xla")
    check(recipe, train(trainer, batches()), loop.get_weights(trainer))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_graph_has_the_bits_of_single_operations(optimizer: str) -> None:
    (losses, weights), (graph_losses, graph_weights) = (
        run(form, optimizer) for form in QUICK_FORMS
    )
    assert losses == graph_losses
    assert_same_bits(weights, graph_weights)


@pytest.mark.parametrize("form", FORMS)
def test_gradients_change_nothing(form: str) -> None:
    recipe = SMALL if form == "xla" else RECIPE
    trainer = trainer_of(recipe, form)
    reference = Reference(recipe, initial_weights(recipe, 1), NUM_STEPS, seed=SEED)
    train(trainer, batches()[:2])
    for pair in batches()[:2]:
        reference.train_step(*pair)
    weights, state = loop.get_weights(trainer), loop.get_state(trainer)
    loss, found = loop.gradients(trainer, *tensors(batches()[2:3])[0])
    assert_same_bits(loop.get_weights(trainer), weights)
    assert_same_bits(loop.get_state(trainer), state)
    expected_loss, expected = reference.gradients(*batches()[2])
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert list(found) == recipe.trainable_names()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-14)
    assert train(trainer, batches()[2:3]) == pytest.approx([expected_loss], rel=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_float32_begins_like_the_reference(form: str) -> None:
    trainer = trainer_of(RECIPE, form, precision="float32")
    loss, found = loop.gradients(trainer, *tensors(batches()[:1])[0])
    expected_loss, expected = Reference(
        RECIPE, WEIGHTS, NUM_STEPS, seed=SEED
    ).gradients(*batches()[0])
    assert loss == pytest.approx(expected_loss, rel=1e-6)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}
    both = [
        np.concatenate([arrays[name].ravel() for name in expected])
        for arrays in (found, expected)
    ]
    assert np.linalg.norm(both[0] - both[1]) < 1e-5 * np.linalg.norm(both[1])


@pytest.mark.parametrize("form", FORMS)
def test_one_hot_labels_and_kinds_of_integers(form: str) -> None:
    layers = (*SMALL.layers[:-1], Dense(4, "softmax"))
    one_hot = replace(SMALL, layers=layers, loss="categorical_crossentropy")
    expected = train(trainer_of(SMALL, "eager"), batches()[:3])
    losses = train(trainer_of(one_hot, form), batches(one_hot=True)[:3])
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    pairs = [(images, labels.astype(np.uint8)) for images, labels in batches()[:3]]
    losses = train(trainer_of(SMALL, form), pairs)
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


def test_past_the_schedule_the_last_rate_stays() -> None:
    recipe = replace(SMALL, optimizer=SGD(0.1, final_learning_rate=0.01))
    reference = Reference(recipe, initial_weights(recipe, 1), 3, seed=SEED)
    expected = [reference.train_step(*pair) for pair in batches()[:6]]
    losses = train(trainer_of(recipe, "function", num_steps=3), batches()[:6])
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


NATIVE = replace(
    SMALL,
    layers=(
        Flatten(),
        Dense(40, "relu"),
        Dropout(0.5, masks="native"),
        BatchNorm(),
        Dropout(0.5, masks="native"),
        Dropout(0.1),
        Dense(4),
    ),
)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    ("optimizer", "recipe"),
    [("adam", RECIPE), *((optimizer, NATIVE) for optimizer in OPTIMIZERS)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_resumed_runs_have_the_same_bits(
    optimizer: str, recipe: Recipe, precision: str
) -> None:
    recipe = replace(recipe, optimizer=OPTIMIZERS[optimizer])
    pairs = batches(20)
    first, second = (
        trainer_of(recipe, "function", precision=precision) for _ in range(2)
    )
    train(first, pairs[:10])
    weights, state = loop.get_weights(first), loop.get_state(first)
    losses = train(first, pairs[10:])  # what was handed out are copies
    loop.load_weights(second, weights)
    loop.set_state(second, state)
    assert second.step == 10
    assert train(second, pairs[10:]) == losses
    assert_same_bits(loop.get_weights(second), loop.get_weights(first))
    assert_same_bits(loop.get_state(second), loop.get_state(first))


@pytest.mark.parametrize("form", FORMS)
def test_native_masks_are_a_function_of_seed_step_and_layer(form: str) -> None:
    def losses_of(seed: int) -> list[float]:
        layers = [layer for layer in NATIVE.layers if layer != Dropout(0.1)]
        recipe = replace(NATIVE, layers=tuple(layers), optimizer=SGD(0.0))
        return train(trainer_of(recipe, form, seed=seed), batches()[:1] * 4)

    losses = losses_of(3)
    assert losses == losses_of(3)
    assert len({*losses, *losses_of(2**64 - 1)}) == 8


@pytest.mark.parametrize(
    ("form", "recipe"),
    [*((form, RECIPE) for form in QUICK_FORMS), ("xla", SMALL)],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_predictions_are_of_evaluation_and_in_order(form: str, recipe: Recipe) -> None:
    trainer = trainer_of(recipe, form)
    reference = Reference(recipe, initial_weights(recipe, 1), NUM_STEPS, seed=SEED)
    train(trainer, batches(3))
    for pair in batches(3):
        reference.train_step(*pair)
    logits = loop.predict(trainer, iter(tensors(batches(3))))
    images = np.concatenate([images for images, _ in batches(3)])
    assert logits.dtype == np.float64
    np.testing.assert_allclose(logits, reference.predict(images), atol=1e-12)
    assert loop.predict(trainer, []).shape == (0, 4)


def test_loading_weights_forgets_all_training() -> None:
    trainer = trainer_of(SMALL, "function")
    losses = train(trainer, batches(6))
    loop.load_weights(trainer, initial_weights(SMALL, 1))
    assert trainer.step == 0
    assert train(trainer, batches(6)) == losses


def test_an_epoch_is_timed_and_ticks() -> None:
    ticks: list[int] = []
    trainer = trainer_of(SMALL, "function")
    epoch = loop.train_epoch(
        trainer, tensors(batches(5)), 5, lambda losses, sizes: ticks.append(len(losses))
    )
    assert epoch.losses == train(trainer_of(SMALL, "function"), batches(5))
    assert epoch.batch_sizes == [8, 8, 8, 8, 5]
    assert ticks[-1] == 5
    assert loop.to_floats([]) == []


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_saved_models_are_the_same_when_loaded(tmp_path: Path, precision: str) -> None:
    first, second = (
        trainer_of(RECIPE, form, precision=precision) for form in QUICK_FORMS
    )
    train(first, batches(3))
    loop.save_model(first, tmp_path / "model.keras")
    train(second, batches(2))
    loop.load_model(second, tmp_path / "model.keras")
    assert_same_bits(loop.get_weights(second), loop.get_weights(first))
    assert second.step == 0


@pytest.mark.parametrize("function", [loop.save_model, loop.load_model])
def test_other_suffixes_are_refused(
    tmp_path: Path, function: Callable[..., None]
) -> None:
    with pytest.raises(CheckpointError) as caught:
        function(trainer_of(RECIPE, "eager"), tmp_path / "model.h5")
    assert caught.value.found == "'.h5'"


CONFIGURE = """
from trainers.errors import DeviceError, LoopError
from trainers.loops import tf_loop as loop
from trainers.loops.job import Job
from trainers.recipes import RECIPES

def job(threads, device):
    recipe = RECIPES["mlp-3x100"]
    return Job(recipe, "function", 1, num_threads=threads, device=device)

def refused(error, threads, device):
    try:
        loop.configure(job(threads, device))
    except error as caught:
        return str(caught)

flags = loop.configure(job(1, "cpu"))
assert flags["threads"] == flags["inter_op_threads"] == 1, flags
assert not flags["tensor_float_32"], flags
assert loop.configure(job(1, "cpu")) == flags
assert "1 threads" in refused(LoopError, 2, "cpu")
if not loop.tf.config.list_physical_devices("GPU"):
    assert "found cuda" in refused(DeviceError, 1, "cuda")
"""


def test_a_process_is_configured_once() -> None:
    subprocess.run([sys.executable, "-c", CONFIGURE], check=True, timeout=120)
