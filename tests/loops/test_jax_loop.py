"""The JAX loop: the reference's numbers in float64, no float64 in float32, resume."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from idxdata import Batches, Dataset, Plan
from tests.adapting import adapter
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
    Layer,
    MaxPool,
)
from trainers.loops.job import Job, Precision
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Loss, Recipe
from trainers.weights import Weights, initial_weights

jax = pytest.importorskip("jax")
jax_loop: Any = pytest.importorskip("trainers.loops.jax_loop")

Pair = tuple[NDArray[Any], NDArray[Any]]

SEED = 2**64 - 3
OPTIMIZERS = {
    "sgd": SGD(0.05, final_learning_rate=0.01, warmup=0.3),
    "momentum": SGD(0.01, 0.9),
    "nesterov": SGD(0.01, 0.9, nesterov=True),
    "rmsprop": RMSprop(1e-3),
    "adam": Adam(1e-3, final_learning_rate=0),
    "adamw": AdamW(1e-3),
}
DENSE = (Flatten(), Dense(12, "tanh"), Dropout(0.3), Dense(4))
IMAGES = (
    Conv(3, 3, "relu", "same"),
    BatchNorm(),
    MaxPool(2),
    Conv(4, 2, "sigmoid"),
    AveragePool(2),
    BatchNorm(momentum=0.9),
    Activate("tanh"),
    Flatten(),
    Dropout(0.25),
    Dense(4, "softmax"),
)
NATIVE = (Flatten(), Dropout(0.5, masks="native"), Dense(4))


@pytest.fixture(scope="module", autouse=True)
def num_threads() -> int:
    """What this process's JAX has got."""
    count = 1
    try:
        jax_loop.configure(job(recipe()))
    except LoopError as error:
        assert isinstance(error.found, int)
        count = error.found
        jax_loop.configure(job(recipe(), num_threads=count))
    return count


def recipe(
    optimizer: Optimizer = OPTIMIZERS["adam"],
    layers: tuple[Layer, ...] = DENSE,
    loss: Loss = "crossentropy_from_logits",
) -> Recipe:
    return Recipe("small", (9, 9), layers, optimizer, 8, 1, loss)


def images_recipe(optimizer: Optimizer) -> Recipe:
    return recipe(optimizer, IMAGES, "categorical_crossentropy")


def job(made: Recipe, precision: Precision = "float32", **options: Any) -> Job:
    options = {"num_steps": 100, "seed": SEED} | options
    return Job(made, "jit", precision=precision, **options)


def started(which: Job) -> Any:
    trainer = jax_loop.build(which)
    jax_loop.load_weights(trainer, initial_weights(which.recipe, 3))
    return trainer


def batches(made: Recipe, count: int, size: int = 8) -> list[Pair]:
    random = np.random.default_rng(1)
    pairs = []
    for _ in range(count):
        images = random.random((size, 9, 9), np.float32)
        labels: NDArray[Any] = random.integers(0, 4, size)
        if made.has_one_hot_labels:
            labels = np.eye(4, dtype=np.float32)[labels]
        pairs.append((images, labels))
    return pairs


def losses_of(trainer: Any, pairs: list[Pair]) -> list[float]:
    losses: list[float] = jax_loop.to_floats(
        [jax_loop.train_step(trainer, *pair) for pair in pairs]
    )
    return losses


def assert_same_bits(found: Weights, expected: Weights) -> None:
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes(), name


CASES = [(name, recipe(numbers)) for name, numbers in OPTIMIZERS.items()] + [
    (f"images-{name}", images_recipe(OPTIMIZERS[name])) for name in ("nesterov", "adam")
]


@pytest.mark.parametrize("made", [x for _, x in CASES], ids=[name for name, _ in CASES])
def test_float64_is_the_reference_for_100_steps(made: Recipe) -> None:
    trainer = started(job(made, "float64"))
    reference = Reference(made, initial_weights(made, 3), 100, seed=SEED)
    pairs = batches(made, 100)
    expected = [reference.train_step(*pair) for pair in pairs]
    assert losses_of(trainer, pairs) == pytest.approx(expected, rel=1e-12)
    for name, array in jax_loop.get_weights(trainer).items():
        assert array.dtype == np.float64
        assert array == pytest.approx(reference.weights[name], rel=1e-9, abs=1e-12)
    logits = jax_loop.predict(trainer, pairs[:2])
    wanted = np.concatenate([reference.predict(images) for images, _ in pairs[:2]])
    assert logits.dtype == np.float64
    assert logits == pytest.approx(wanted, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("made", [recipe(), images_recipe(OPTIMIZERS["adam"])])
def test_float32_starts_like_the_reference(made: Recipe) -> None:
    trainer = started(job(made))
    reference = Reference(made, initial_weights(made, 3), 100, seed=SEED)
    pair = batches(made, 1)[0]
    loss, gradients = jax_loop.gradients(trainer, *pair)
    wanted, expected = reference.gradients(*pair)
    assert loss == pytest.approx(wanted, rel=1e-6)
    assert list(gradients) == made.trainable_names()
    for name, array in expected.items():
        assert gradients[name].dtype == np.float32
        distance = np.linalg.norm(gradients[name] - array)
        assert distance <= 1e-5 * np.linalg.norm(array) + 1e-7, name


def test_gradients_are_the_next_steps_and_change_nothing() -> None:
    made = images_recipe(OPTIMIZERS["momentum"])
    trainer = started(job(made, "float64"))
    pairs = batches(made, 3)
    losses_of(trainer, pairs[:2])
    before = jax_loop.get_weights(trainer), jax_loop.get_state(trainer)
    loss, _ = jax_loop.gradients(trainer, *pairs[2])
    after = jax_loop.get_weights(trainer), jax_loop.get_state(trainer)
    for found, expected in zip(after, before, strict=True):
        assert_same_bits(found, expected)
    # Dropout masks are those of the step too.
    assert losses_of(trainer, pairs[2:]) == pytest.approx([loss], rel=1e-14)


def jaxpr(trainer: Any, pair: Pair) -> str:
    masks = jax_loop._masks(trainer, len(pair[1]))
    carried = (trainer.weights, trainer.slots, trainer.device_step)
    made = jax.make_jaxpr(trainer.update)(carried, trainer.rates, (*pair, masks))
    predicted = jax.make_jaxpr(trainer.infer)(trainer.weights, pair[0])
    return f"{made}\n{predicted}"


TRACED = {
    **{name: recipe(numbers) for name, numbers in OPTIMIZERS.items()},
    "native": recipe(layers=NATIVE),
    "images": recipe(layers=(*IMAGES[:-1], Dense(4))),
}


@pytest.mark.parametrize("made", TRACED.values(), ids=TRACED)
def test_no_float64_in_a_float32_job_nor_the_other_way_round(made: Recipe) -> None:
    pair = batches(made, 1)[0]
    assert pair[1].dtype == np.int64
    single = jaxpr(started(job(made)), pair)
    assert "f32[" in single and "f64[" not in single
    double = jaxpr(started(job(made, "float64")), pair)
    # The images come as float32.
    assert set(re.findall(r"f32\[[\d,]*\]", double)) == {"f32[8,9,9]"}


RESUMED = {
    **{name: recipe(numbers) for name, numbers in OPTIMIZERS.items()},
    "images": images_recipe(OPTIMIZERS["adam"]),
    "native": recipe(layers=NATIVE),
}


@pytest.mark.parametrize("made", RESUMED.values(), ids=RESUMED)
def test_10_steps_and_10_in_a_new_trainer_are_20(made: Recipe) -> None:
    pairs = batches(made, 20)
    first, second = started(job(made)), started(job(made))
    expected = losses_of(first, pairs)
    weights, state = jax_loop.get_weights(first), jax_loop.get_state(first)
    jax_loop.load_weights(first, initial_weights(made, 3))
    begun = losses_of(first, pairs[:10])
    jax_loop.load_weights(second, jax_loop.get_weights(first))
    jax_loop.set_state(second, jax_loop.get_state(first))
    assert second.step == 10
    assert begun + losses_of(second, pairs[10:]) == expected
    assert_same_bits(jax_loop.get_weights(second), weights)
    assert_same_bits(jax_loop.get_state(second), state)


def test_load_weights_starts_afresh_and_leaves_what_it_is_given() -> None:
    made = images_recipe(OPTIMIZERS["adam"])
    weights = initial_weights(made, 3)
    kept = {name: array.copy() for name, array in weights.items()}
    pairs = batches(made, 5)
    trainer = started(job(made))
    expected = losses_of(trainer, pairs)
    jax_loop.load_weights(trainer, weights)
    assert trainer.step == 0
    assert losses_of(trainer, pairs) == expected
    assert_same_bits(weights, kept)


def test_after_the_schedule_its_last_rate_stays() -> None:
    made = recipe(SGD(0.1, final_learning_rate=0.02))
    trainer = started(job(made, "float64", num_steps=3))
    reference = Reference(made, initial_weights(made, 3), 3, seed=SEED)
    pairs = batches(made, 6)
    expected = [reference.train_step(*pair) for pair in pairs]
    assert losses_of(trainer, pairs) == pytest.approx(expected, rel=1e-12)


def test_masks_are_right_under_asynchronous_dispatch() -> None:
    made = recipe(layers=(Flatten(), Dropout(0.5), Dense(200, "relu"), Dense(4)))
    pairs = batches(made, 60, size=64)
    waiting, hurrying = started(job(made)), started(job(made))
    expected = [float(jax_loop.train_step(waiting, *pair)) for pair in pairs]
    assert losses_of(hurrying, pairs) == expected


def test_native_masks_are_of_seed_and_step() -> None:
    made = recipe(SGD(0), NATIVE)
    pair = batches(made, 1)[0]
    # The rate is 0, so that nothing but the masks changes.
    losses = losses_of(started(job(made)), [pair] * 5)
    assert len(set(losses)) == 5
    assert losses_of(started(job(made)), [pair] * 5) == losses
    for seed in (SEED - 1, SEED - 2**32):  # both halves of it count
        other = losses_of(started(job(made, seed=seed)), [pair] * 5)
        assert not set(other) & set(losses)


def test_native_masks_keep_the_mean() -> None:
    made = recipe(SGD(0), NATIVE)
    pair = (np.ones((500, 9, 9), np.float32), np.zeros(500, np.int64))
    trainer = started(job(made))
    # The gradient of a kernel whose weights are 0 is linear in the inputs.
    zeros = {name: array * 0 for name, array in initial_weights(made, 3).items()}
    jax_loop.load_weights(trainer, zeros)
    _, gradients = jax_loop.gradients(trainer, *pair)
    inputs = gradients["2.kernel"][:, 0] / gradients["2.bias"][0]
    # 0 or 2 each: 5 standard deviations of the mean.
    assert abs(inputs.mean() - 1) < 5 / np.sqrt(500 * 81)
    assert inputs.std() == pytest.approx(1 / np.sqrt(500), rel=0.5)


def test_labels_outside_the_classes_make_no_number() -> None:
    trainer = started(job(recipe()))
    images = np.zeros((3, 9, 9), np.float32)
    for labels in ([0, 1, 4], [0, -1, 2]):
        loss, _ = jax_loop.gradients(trainer, images, np.array(labels))
        assert np.isnan(loss)


def test_an_epoch_of_the_service(small_dataset: Dataset) -> None:
    layers = (Conv(4, 5, "relu"), MaxPool(2), Flatten(), Dense(10))
    made = Recipe("mnist", (28, 28), layers, Adam(1e-3), 32, 1)
    service = Batches(small_dataset.train, Plan(300, 32, seed=1, last_batch="keep"))
    tensors = adapter("jax").tensors
    trainer = started(job(made))
    epoch = jax_loop.train_epoch(trainer, tensors(service, 0), service.num_steps)
    assert epoch.batch_sizes == [32] * 9 + [12] and trainer.step == 10
    assert np.isfinite(epoch.losses).all() and epoch.losses[0] != epoch.losses[1]
    assert all(type(loss) is float for loss in epoch.losses)
    logits = jax_loop.predict(trainer, tensors(service, 1))
    assert logits.shape == (300, 10) and logits.dtype == np.float32
    again = jax_loop.predict(trainer, tensors(service, 1))
    assert again.tobytes() == logits.tobytes()
    assert jax_loop.predict(trainer, []).shape == (0, 10)


def test_losses_of_no_step() -> None:
    assert jax_loop.to_floats([]) == []


def test_a_device_that_is_not_there(num_threads: int) -> None:
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("it is there")
    wanted = job(recipe(), device="cuda", num_threads=num_threads)
    with pytest.raises(DeviceError) as caught:
        jax_loop.configure(wanted)
    assert (caught.value.expected, caught.value.found) == ("one of cpu", "cuda")


def test_state_of_another_recipe() -> None:
    trainer = started(job(recipe()))
    state = jax_loop.get_state(trainer)
    other = jax_loop.get_state(started(job(recipe(RMSprop(1e-3)))))
    short = {name: array for name, array in state.items() if name != "step"}
    cut = state | {"m.1.bias": state["m.1.bias"][:3]}
    for wrong in (other, short, cut, state | {"m.9.bias": np.zeros(3, np.float32)}):
        with pytest.raises(CheckpointError):
            jax_loop.set_state(trainer, wrong)
    jax_loop.set_state(trainer, state)
