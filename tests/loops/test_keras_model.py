"""Recipes as Keras models: against NumPy in float64, and as files."""

import json
import random
import zipfile
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
from trainers.loops.job import Precision
from trainers.metrics import probabilities
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")
if keras.config.backend() != "tensorflow":
    pytest.skip("another Keras backend", allow_module_level=True)

from idxdata.dropout import dropout_mask
from trainers.loops import keras_layers, keras_model
from trainers.loops.masks import shared_dropouts

SEED = 7

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
        Dense(4, "softmax"),
    ),
    optimizer=Adam(0.01),
    batch_size=8,
    epochs=1,
    loss="sparse_categorical_crossentropy",
)
NATIVE = replace(
    RECIPE, layers=(Flatten(), Dropout(0.5, "native"), *RECIPE.layers[-2:])
)


def batch() -> tuple[Any, Any]:
    numbers = np.random.default_rng(5)
    return numbers.random((8, 11, 9), dtype=np.float32), numbers.integers(0, 4, 8)


def model_of(recipe: Recipe, precision: Precision = "float64") -> Any:
    model = keras_model.build_model(recipe, precision)
    keras_model.set_weights(model, recipe, initial_weights(recipe, 1))
    return model


def masks_of(recipe: Recipe, step: int) -> list[Any]:
    return [
        dropout_mask(
            (8, *shape),
            rate,
            seed=SEED,
            step=step,
            layer=index,
            dtype=np.float64,
        )
        for index, (shape, rate) in shared_dropouts(recipe).items()
    ]


def assert_same(left: Weights, right: Weights) -> None:
    assert list(left) == list(right)
    for name in left:
        assert left[name].dtype == right[name].dtype
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(0.1),
    "nesterov": SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": RMSprop(0.01, rho=0.8, epsilon=1e-3),
    "adam": Adam(0.01, beta1=0.8, beta2=0.99, epsilon=1e-3),
    "adamw": AdamW(0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_keras_trains_like_the_reference(name: str) -> None:
    recipe = replace(RECIPE, optimizer=OPTIMIZERS[name])
    model = model_of(recipe)
    rate = recipe.optimizer.learning_rate
    optimizer = keras_layers.stock_optimizer(recipe.optimizer, rate)
    optimizer.build(model.trainable_variables)
    reference = Reference(recipe, initial_weights(recipe, 1), 6, seed=SEED)
    images, labels = batch()
    for step in range(6):
        with tf.GradientTape() as tape:
            logits = model([images, *masks_of(recipe, step)], training=True)
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            loss = tf.reduce_mean(loss)
        optimizer.apply(tape.gradient(loss, model.trainable_variables))
        expected = reference.train_step(images, labels)
        assert float(loss) == pytest.approx(expected, rel=1e-12)
    weights = keras_model.get_weights(model, recipe)
    assert list(weights) == list(reference.weights)
    for key, array in reference.weights.items():
        np.testing.assert_allclose(weights[key], array, rtol=0, atol=1e-12)
    logits = keras_model.inference_model(model)(images)
    np.testing.assert_allclose(logits, reference.predict(images), atol=1e-12)
    slots = keras_model.get_slots(optimizer, model, recipe)
    assert {key.partition("/")[0] for key in slots} <= set(recipe.trainable_names())
    for key, array in slots.items():
        name, _, slot = key.partition("/")
        is_m = slot == "momentum" and name and not isinstance(recipe.optimizer, SGD)
        kept = reference.updates.m if is_m else reference.updates.v
        np.testing.assert_allclose(array, kept[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_weights_come_back_in_names_and_order(precision: Precision) -> None:
    weights = keras_model.get_weights(model_of(RECIPE, precision), RECIPE)
    expected = initial_weights(RECIPE, 1)
    assert_same(
        weights, {name: array.astype(precision) for name, array in expected.items()}
    )


def test_masks_are_of_no_use_in_evaluation() -> None:
    model, (images, _) = model_of(RECIPE), batch()
    inputs = [images, *masks_of(RECIPE, 0)]
    evaluated = model(inputs, training=False)
    alone = keras_model.inference_model(model)(images)
    np.testing.assert_array_equal(evaluated, alone)
    assert np.abs(model(inputs, training=True) - alone).max() > 1e-3


def test_slots_of_native_dropout_bring_its_masks_back() -> None:
    model, (images, _) = model_of(NATIVE), batch()
    optimizer = keras_layers.stock_optimizer(NATIVE.optimizer, 0.1)
    optimizer.build(model.trainable_variables)
    before = keras_model.get_slots(optimizer, model, NATIVE)
    assert "1.seed" in before
    first, second = (model(images, training=True).numpy() for _ in range(2))
    assert (first != second).any()
    keras_model.set_slots(optimizer, model, NATIVE, before)
    np.testing.assert_array_equal(model(images, training=True), first)


def exported(folder: Path, precision: str = "float32") -> tuple[Path, Weights]:
    weights = {
        name: array.astype(precision)
        for name, array in initial_weights(RECIPE, 1).items()
    }
    path = folder / "model.keras"
    keras_model.export_model(RECIPE, weights, path)
    return path, weights


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_files_keep_every_bit(tmp_path: Path, precision: str) -> None:
    path, weights = exported(tmp_path, precision)
    assert_same(keras_model.import_model(RECIPE, path), weights)
    with pytest.raises(FileExistsError):
        keras_model.export_model(RECIPE, weights, path)


def test_users_go_on_with_stock_keras(tmp_path: Path) -> None:
    path, weights = exported(tmp_path)
    model = keras.saving.load_model(path, safe_mode=True)
    images, labels = batch()
    logits = Reference(RECIPE, weights, 1).predict(images)
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(found, probabilities(logits), atol=1e-6)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    model.fit(images, labels, verbose=0)
    model.save(tmp_path / "on.keras")
    further = keras_model.import_model(RECIPE, tmp_path / "on.keras")
    assert all((further[name] != weights[name]).any() for name in weights)


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, layers=(*RECIPE.layers[:-1], Dense(5, "softmax"))),
        replace(RECIPE, image_shape=(11, 10)),
        replace(
            RECIPE,
            layers=(*RECIPE.layers[:-1], Dense(4)),
            loss="crossentropy_from_logits",
        ),
        replace(RECIPE, layers=RECIPE.layers[1:]),
        replace(RECIPE, layers=(*RECIPE.layers[:-2], *RECIPE.layers[-1:])),
        NATIVE,
    ],
)
def test_files_of_other_recipes_are_refused(tmp_path: Path, other: Recipe) -> None:
    path, _ = exported(tmp_path)
    with pytest.raises(CheckpointError, match="is not that of recipe") as caught:
        keras_model.import_model(other, path)
    assert caught.value.path == str(path)
    assert caught.value.expected != caught.value.found


def rewritten(path: Path, change: Any) -> None:
    """The file with its configuration changed by `change(layers)`."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config["config"]["layers"])
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def test_files_cannot_make_code_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, _ = exported(tmp_path)
    code = keras.layers.Lambda(lambda x: [open("ran", "w").close(), x][1])
    layer = json.loads(json.dumps(keras.layers.serialize(code)))
    rewritten(path, lambda layers: layers.append(layer))
    keras.saving.load_model(path, safe_mode=False, compile=False)
    (tmp_path / "ran").unlink()  # so the file is what it should be
    with pytest.raises(CheckpointError):
        keras_model.import_model(RECIPE, path)
    path.unlink()
    exported(tmp_path)
    rewritten(path, lambda layers: layers[2]["config"].update(activation=layer))
    with pytest.raises(CheckpointError):
        keras_model.import_model(RECIPE, path)
    assert not (tmp_path / "ran").exists()


def test_damaged_files_are_refused_or_whole(tmp_path: Path) -> None:
    path, weights = exported(tmp_path)
    data, numbers = path.read_bytes(), random.Random(0)
    refused = 0
    for trial in range(60):
        damaged = bytearray(data)
        if trial % 2:
            del damaged[numbers.randrange(len(data)) :]
        else:
            damaged[numbers.randrange(len(data))] ^= 1 << numbers.randrange(8)
        path.write_bytes(damaged)
        try:
            assert_same(keras_model.import_model(RECIPE, path), weights)
        except CheckpointError:
            refused += 1
    assert refused > 50


def test_one_wrong_bit_of_a_weight_is_refused(tmp_path: Path) -> None:
    path, weights = exported(tmp_path)
    data = bytearray(path.read_bytes())
    data[data.index(weights["9.kernel"].tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="checksum"):
        keras_model.import_model(RECIPE, path)


def test_weights_missing_from_a_file(tmp_path: Path) -> None:
    path, _ = exported(tmp_path)
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
    with pytest.raises(CheckpointError, match="no whole .keras file"):
        keras_model.import_model(RECIPE, path)
    with pytest.raises(FileNotFoundError):
        keras_model.import_model(RECIPE, tmp_path / "none.keras")
