"""PyTorch's loop against NumPy in float64, and what it keeps, writes and refuses."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.parity.reference import Reference
from trainers.errors import CheckpointError, DeviceError, LoopError
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

torch = pytest.importorskip("torch")

from trainers.loops import torch_loop

Pairs = list[tuple[Any, Any]]

# Not square, borders dropped, several channels, masks and statistics before, behind and
# between flattening and the dense layer: an axis or an order mixed up shows.
EVERYTHING = Recipe(
    name="everything",
    image_shape=(13, 10),
    layers=(
        Conv(3, 3, "tanh", "same"),
        BatchNorm(0.9, 1e-3),
        Activate("relu"),
        Dropout(0.2),
        MaxPool(2),
        Conv(5, 2, "sigmoid"),
        AveragePool(2),
        Flatten(),
        Dropout(0.3),
        BatchNorm(),
        Activate("tanh"),
        Dense(7, "relu"),
        BatchNorm(0.5),
        Dropout(0.1),
        Dense(4, "softmax"),
    ),
    optimizer=Adam(0.01, final_learning_rate=0),
    batch_size=8,
    epochs=1,
    loss="categorical_crossentropy",
)

# Compiling takes seconds for each batch size, of which `random_pairs` makes two.
COMPILED = replace(
    EVERYTHING,
    name="compiled",
    image_shape=(6, 5),
    layers=(
        Conv(2, 3, "relu"),
        BatchNorm(0.9),
        MaxPool(2),
        Flatten(),
        Dropout(0.3),
        Dense(3, "softmax"),
    ),
)
each_form = pytest.mark.parametrize(
    ("recipe", "form"),
    [(EVERYTHING, "eager"), (COMPILED, "compile")],
    ids=["eager", "compile"],
)

OPTIMIZERS = {
    "sgd": SGD(0.1),
    "momentum": SGD(0.05, 0.9),
    "nesterov": SGD(0.05, 0.9, True, final_learning_rate=0.01, warmup=0.3),
    "from-0": SGD(0, 0.9, final_learning_rate=0.05),
    "rmsprop": RMSprop(0.01, final_learning_rate=0.001),
    "adam": Adam(0.01, final_learning_rate=0, epsilon=1e-3),
    "adamw": AdamW(0.01, weight_decay=0.1),
}
each_optimizer = pytest.mark.parametrize(
    "optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys()
)


def random_pairs(recipe: Recipe, count: int, *, seed: int = 5) -> Pairs:
    """float32 images; every fifth batch is short."""
    random = np.random.default_rng(seed)
    pairs = []
    for number in range(count):
        size = recipe.batch_size if number % 5 else recipe.batch_size // 2 + 1
        labels = random.integers(0, recipe.num_classes, size)
        if recipe.has_one_hot_labels:
            labels = np.eye(recipe.num_classes, dtype=np.float32)[labels]
        images = random.random((size, *recipe.image_shape), dtype=np.float32)
        pairs.append((torch.from_numpy(images), torch.from_numpy(labels)))
    return pairs


def built(
    recipe: Recipe, form: str = "eager", *, num_steps: int = 20, **more: Any
) -> Any:
    trainer = torch_loop.build(Job(recipe, form, num_steps, seed=3, **more))
    torch_loop.load_weights(trainer, weights_of(recipe))
    return trainer


def weights_of(recipe: Recipe) -> Weights:
    """Initial ones, moved so that no gamma is 1 and no bias 0."""
    random = np.random.default_rng(8)
    return {
        name: array + random.uniform(0, 0.1, array.shape).astype(np.float32)
        for name, array in initial_weights(recipe, 1).items()
    }


def trained(trainer: Any, pairs: Pairs) -> list[float]:
    return torch_loop.to_floats([torch_loop.train_step(trainer, *p) for p in pairs])


def assert_same_bits(a: Weights, b: Weights) -> None:
    assert a.keys() == b.keys()
    for name, array in a.items():
        assert array.dtype == b[name].dtype
        np.testing.assert_array_equal(array, b[name], err_msg=name)


def assert_follows_reference(recipe: Recipe, form: str, count: int) -> None:
    trainer = built(recipe, form, num_steps=count, precision="float64")
    reference = Reference(recipe, weights_of(recipe), count, seed=3)
    pairs = random_pairs(recipe, count)
    losses = trained(trainer, pairs)
    expected = [reference.train_step(x.numpy(), y.numpy()) for x, y in pairs]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for name, array in torch_loop.get_weights(trainer).items():
        np.testing.assert_allclose(array, reference.weights[name], atol=1e-12)
    logits = torch_loop.predict(trainer, pairs[:2])
    images = np.concatenate([x.numpy() for x, _ in pairs[:2]])
    assert logits.dtype == np.float64
    np.testing.assert_allclose(logits, reference.predict(images), atol=1e-12)


@each_optimizer
def test_eager_is_the_reference_in_float64(optimizer: Optimizer) -> None:
    assert_follows_reference(replace(EVERYTHING, optimizer=optimizer), "eager", 100)
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.long
def test_compiled_is_the_reference_in_float64_with_short_batches() -> None:
    assert_follows_reference(COMPILED, "compile", 100)


def test_integer_labels_are_the_one_hot_ones_and_of_any_kind() -> None:
    recipe = replace(EVERYTHING, loss="sparse_categorical_crossentropy")
    one_hot = random_pairs(EVERYTHING, 10)
    integers = [(x, y.argmax(1).to(torch.uint8)) for x, y in one_hot]
    losses = trained(built(EVERYTHING), one_hot)
    np.testing.assert_allclose(trained(built(recipe), integers), losses, rtol=1e-5)


def test_mixed_precision_rounds_products_in_training_alone() -> None:
    trainer = built(EVERYTHING, precision="mixed_bfloat16")
    pairs = random_pairs(EVERYTHING, 6)
    losses, exact = trained(trainer, pairs), trained(built(EVERYTHING), pairs)
    differences = np.abs(np.subtract(losses, exact))
    assert differences.all()
    assert differences.max() < 0.05
    weights, state = torch_loop.get_weights(trainer), torch_loop.get_state(trainer)
    del state["step"]
    assert {array.dtype for array in (*weights.values(), *state.values())} == {
        np.dtype(np.float32)
    }
    judge = built(EVERYTHING)
    torch_loop.load_weights(judge, weights)
    said = torch_loop.predict(trainer, pairs)
    np.testing.assert_array_equal(said, torch_loop.predict(judge, pairs))


def test_mixed_precision_loses_nothing_that_bfloat16_holds() -> None:
    """Products of small integers, and their sums, are exact: the same loss."""
    recipe = Recipe(
        "exact", (4, 3), (Flatten(), Dense(2)), SGD(1.0), batch_size=8, epochs=1
    )
    random = np.random.default_rng(4)
    weights = {
        name: random.integers(-2, 3, array.shape).astype(np.float32)
        for name, array in initial_weights(recipe, 0).items()
    }
    images = torch.from_numpy(random.integers(0, 3, (8, 4, 3)).astype(np.float32))
    pair = images, torch.from_numpy(random.integers(0, 2, 8))
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        trainer = torch_loop.build(Job(recipe, "eager", 1, precision=precision))
        torch_loop.load_weights(trainer, weights)
        losses.append(float(torch_loop.gradients(trainer, *pair)[0]))
    assert losses[0] == losses[1]


def test_a_batch_of_one_is_the_reference() -> None:
    pairs = [(x[:1], y[:1]) for x, y in random_pairs(EVERYTHING, 3)]
    trainer = built(EVERYTHING, precision="float64")
    reference = Reference(EVERYTHING, weights_of(EVERYTHING), 20, seed=3)
    expected = [reference.train_step(x.numpy(), y.numpy()) for x, y in pairs]
    np.testing.assert_allclose(trained(trainer, pairs), expected, rtol=1e-12)


@each_form
def test_gradients_are_the_reference_and_change_nothing(
    recipe: Recipe, form: str
) -> None:
    trainer = built(recipe, form, precision="float64")
    pairs = random_pairs(recipe, 3)
    reference = Reference(recipe, weights_of(recipe), 20, seed=3)
    for images, labels in pairs[:2]:
        torch_loop.train_step(trainer, images, labels)
        reference.train_step(images.numpy(), labels.numpy())
    weights = torch_loop.get_weights(trainer)
    state = torch_loop.get_state(trainer)
    loss, gradients = torch_loop.gradients(trainer, *pairs[2])
    expected_loss, expected = reference.gradients(*(x.numpy() for x in pairs[2]))
    assert float(loss) == pytest.approx(expected_loss, rel=1e-12)
    assert list(gradients) == recipe.trainable_names()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, expected[name], atol=1e-12, err_msg=name)
    assert_same_bits(torch_loop.get_weights(trainer), weights)
    assert_same_bits(torch_loop.get_state(trainer), state)
    assert trained(trainer, pairs[2:]) == [float(loss)]


def assert_resumes(recipe: Recipe, form: str, **more: Any) -> None:
    pairs = random_pairs(recipe, 20)
    whole = built(recipe, form, **more)
    losses = trained(whole, pairs)
    first = built(recipe, form, **more)
    assert trained(first, pairs[:10]) == losses[:10]
    second = torch_loop.build(first.job)
    torch_loop.load_weights(second, torch_loop.get_weights(first))
    torch_loop.set_state(second, torch_loop.get_state(first))
    assert_same_bits(torch_loop.get_state(second), torch_loop.get_state(first))
    assert trained(second, pairs[10:]) == losses[10:]
    assert_same_bits(torch_loop.get_weights(second), torch_loop.get_weights(whole))
    assert_same_bits(torch_loop.get_state(second), torch_loop.get_state(whole))


@each_optimizer
def test_resumed_training_is_the_same_bits(optimizer: Optimizer) -> None:
    assert_resumes(replace(EVERYTHING, optimizer=optimizer), "eager")


def test_resumed_mixed_training_is_the_same_bits() -> None:
    assert_resumes(EVERYTHING, "eager", precision="mixed_bfloat16")


@pytest.mark.long
def test_resumed_compiled_training_is_the_same_bits() -> None:
    assert_resumes(COMPILED, "compile", precision="float64")


@pytest.mark.parametrize("form", ["eager", "compile"])
def test_native_dropout_is_a_function_of_seed_and_step(form: str) -> None:
    native = Recipe(
        "native",
        (4, 4),
        (Flatten(), Dropout(0.5, masks="native"), Dense(3)),
        SGD(0.1),
        batch_size=1,
        epochs=1,
    )
    assert_resumes(native, form)
    pairs = random_pairs(native, 2)
    other = torch_loop.build(Job(native, form, 20, seed=4))
    torch_loop.load_weights(other, weights_of(native))
    assert trained(other, pairs) != trained(built(native, form), pairs)
    with_none = replace(native, layers=(Flatten(), Dropout(0.0), Dense(3)))
    np.testing.assert_array_equal(
        torch_loop.predict(built(native, form), pairs),
        torch_loop.predict(built(with_none), pairs),
    )


def test_setting_weights_forgets_all_training() -> None:
    pairs = random_pairs(EVERYTHING, 5)
    trainer = built(EVERYTHING)
    losses = trained(trainer, pairs)
    torch_loop.load_weights(trainer, weights_of(EVERYTHING))
    assert trained(trainer, pairs) == losses


def test_steps_past_the_end_have_the_last_rate() -> None:
    recipe = replace(EVERYTHING, optimizer=SGD(0.1, 0.9, final_learning_rate=0.01))
    trainer = built(recipe, num_steps=2, precision="float64")
    reference = Reference(recipe, weights_of(recipe), 2, seed=3)
    pairs = random_pairs(recipe, 6)
    expected = [reference.train_step(x.numpy(), y.numpy()) for x, y in pairs]
    np.testing.assert_allclose(trained(trainer, pairs), expected, rtol=1e-12)


def test_an_epoch_is_a_step_for_each_pair() -> None:
    pairs = random_pairs(EVERYTHING, 6)
    epoch = torch_loop.train_epoch(built(EVERYTHING), pairs, 6)
    assert epoch.losses == trained(built(EVERYTHING), pairs)
    assert epoch.batch_sizes == [len(y) for _, y in pairs]


def test_predictions_leave_training_as_it_was() -> None:
    pairs = random_pairs(EVERYTHING, 4)
    trainer = built(EVERYTHING)

    def failing() -> Iterator[Any]:
        yield pairs[0]
        raise OSError

    assert torch_loop.predict(trainer, []).shape == (0, 4)
    with pytest.raises(OSError):
        torch_loop.predict(trainer, failing())
    assert trained(trainer, pairs) == trained(built(EVERYTHING), pairs)


def test_a_state_of_another_recipe_is_refused() -> None:
    trainer = built(EVERYTHING)
    state = torch_loop.get_state(trainer)
    name = "0.kernel/exp_avg"
    for wrong in (
        {key: array for key, array in state.items() if key != name},
        state | {"99.kernel/exp_avg": state[name]},
        state | {name: state[name][..., :1]},
    ):
        with pytest.raises(CheckpointError, match="kernel/exp_avg"):
            torch_loop.set_state(trainer, wrong)
    with pytest.raises(CheckpointError, match="below 0"):
        torch_loop.set_state(trainer, state | {"step": np.array(-1)})
    weights = weights_of(EVERYTHING)
    with pytest.raises(CheckpointError, match=r"'0\.kernel'"):
        torch_loop.load_weights(trainer, weights | {"0.kernel": weights["0.bias"]})


def test_other_forms_and_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LoopError, match="'eager' or 'compile'"):
        torch_loop.build(Job(EVERYTHING, "jit", 1))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for refuse in (torch_loop.configure, torch_loop.build):
        with pytest.raises(DeviceError):
            refuse(Job(EVERYTHING, "eager", 1, device="cuda"))


def test_no_compiler_is_said_when_building(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile(*_: Any, **__: Any) -> Any:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(torch, "compile", compile)
    torch_loop._check_compiler.cache_clear()
    with pytest.raises(LoopError, match="No working C"):
        torch_loop.build(Job(EVERYTHING, "compile", 1))


@pytest.fixture
def process_flags() -> Iterator[None]:
    threads = torch.get_num_threads()
    precision = torch.get_float32_matmul_precision()
    tf32 = torch.backends.cudnn.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)
    torch.set_float32_matmul_precision(precision)
    torch.backends.cudnn.allow_tf32 = tf32


@pytest.mark.usefixtures("process_flags")
def test_flags_say_what_is_set() -> None:
    recipe = replace(EVERYTHING, optimizer=OPTIMIZERS["rmsprop"])
    flags = torch_loop.configure(Job(recipe, "compile", 1, precision="float64"))
    assert torch.get_num_threads() == 1
    assert not torch.backends.cudnn.allow_tf32
    assert flags == {
        "version": torch.__version__,
        "form": "compile",
        "threads": 1,
        "flush_denormal": True,
        "float32_matmul": "highest",
        "cudnn_tf32": False,
        "memory_format": "channels_last",
        "optimizer": "foreach",
        "device": "cpu",
        "precision": "float64",
        "compiled": "model and loss",
        "dynamic_shapes": False,
    }
