"""What a trainer keeps beside its weights: forgotten with them, and checked if set."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from trainers.errors import CheckpointError, LoopError
from trainers.layers import Dense, Dropout, Flatten
from trainers.loops import find_loop, import_loop
from trainers.loops.arrays import check_arrays
from trainers.loops.job import Job
from trainers.loops.masks import Masks, shared_dropouts
from trainers.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from trainers.recipes import Recipe
from trainers.weights import initial_weights

LOOPS = ("torch-eager", "tf-function", "jax-jit")
OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD(1e-3),
    "momentum": SGD(1e-3, 0.9),
    "nesterov": SGD(1e-3, 0.9, nesterov=True),
    "rmsprop": RMSprop(1e-3),
    "adam": Adam(1e-3),
    "adamw": AdamW(1e-3),
}
each_loop = pytest.mark.parametrize("name", LOOPS)


def recipe_of(optimizer: str) -> Recipe:
    layers = (Flatten(), Dense(3))
    return Recipe("small", (6, 5), layers, OPTIMIZERS[optimizer], 4, 1)


def started(name: str, optimizer: str) -> tuple[Any, Any]:
    """The loop's module and a trainer with initial weights."""
    loop = find_loop(name)
    pytest.importorskip(loop.adapter)
    module = import_loop(loop)
    job = Job(recipe_of(optimizer), loop.form, 10)
    if name == "jax-jit":
        try:
            module.configure(job)
        except LoopError as error:  # this process's JAX has another number of threads
            module.configure(replace(job, num_threads=int(str(error.found))))
    trainer = module.build(job)
    module.load_weights(trainer, initial_weights(job.recipe, 0))
    return module, trainer


def constant(name: str, array: np.ndarray) -> Any:
    """The array as the loop's framework takes it."""
    if name == "tf-function":
        import tensorflow as tf

        return tf.constant(array)
    if name == "torch-eager":
        import torch

        return torch.from_numpy(array.copy())
    return array


def losses_of(name: str, module: Any, trainer: Any, first: float = 0.5) -> list[float]:
    images = np.random.default_rng(0).random((4, 6, 5), np.float32)
    images[0, 0, 0] = first
    pair = constant(name, images), constant(name, np.array([0, 1, 2, 0]))
    steps = [module.train_step(trainer, *pair) for _ in range(3)]
    return module.to_floats(steps)


@each_loop
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_diverged_then_loaded_equals_fresh(name: str, optimizer: str) -> None:
    module, trainer = started(name, optimizer)
    fresh = losses_of(name, module, trainer)
    weights, state = module.get_weights(trainer), module.get_state(trainer)
    following = losses_of(name, module, trainer)
    assert np.isfinite(fresh + following).all()
    assert not np.isfinite(losses_of(name, module, trainer, np.inf)).any()
    module.load_weights(trainer, initial_weights(trainer.job.recipe, 0))
    assert losses_of(name, module, trainer) == fresh
    assert not np.isfinite(losses_of(name, module, trainer, np.inf)).any()
    module.load_weights(trainer, weights)
    module.set_state(trainer, state)
    assert losses_of(name, module, trainer) == following


def wrongs(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    slot = next(name for name in state if name != "step")
    rest = {name: array for name, array in state.items() if name != slot}
    return {
        "fewer": rest,
        "more": state | {f"{slot}x": state[slot]},
        "shape": state | {slot: state[slot][..., :1]},
        "kind": state | {slot: np.zeros(state[slot].shape, np.int64)},
        "no step": {name: array for name, array in state.items() if name != "step"},
        "steps": state | {"step": np.array([3, 4])},
        "step below 0": state | {"step": np.array(-7)},
        "step of a float": state | {"step": np.array(3.0)},
    }


@each_loop
def test_states_of_others_are_refused(name: str) -> None:
    made = {optimizer: started(name, optimizer) for optimizer in ("rmsprop", "adam")}
    states = {
        name: module.get_state(trainer) for name, (module, trainer) in made.items()
    }
    for optimizer, (module, trainer) in made.items():
        (other,) = (state for key, state in states.items() if key != optimizer)
        for label, wrong in {"other": other, **wrongs(states[optimizer])}.items():
            with pytest.raises(CheckpointError):
                module.set_state(trainer, wrong)
                pytest.fail(label)
        assert trainer.step == 0
        module.set_state(trainer, states[optimizer] | {"step": np.array(5)})
        assert trainer.step == 5


def test_what_is_wrong_is_told() -> None:
    good = {"a": np.zeros((2, 3), np.float32), "n": np.array(1)}
    shapes = {"a": (2, 3), "n": ()}
    check_arrays(good, shapes, integers={"n"})
    check_arrays(good | {"a": np.zeros((2, 3), np.float16)}, shapes, integers=["n"])
    with pytest.raises(CheckpointError, match="'n'") as caught:
        check_arrays(good, shapes, path="file")
    assert (caught.value.expected, caught.value.found) == (
        "() of floats",
        "() of int64",
    )
    assert caught.value.path == "file"
    with pytest.raises(CheckpointError, match="'n' is not of"):
        check_arrays(good, {"a": (2, 3)})
    with pytest.raises(CheckpointError, match="no array 'n'"):
        check_arrays({"a": good["a"]}, shapes)


@cache
def dropped() -> Recipe:
    layers = (
        Dropout(0.2),
        Flatten(),
        Dropout(0.5, masks="native"),
        Dropout(0.3),
        Dense(3),
    )
    return replace(recipe_of("sgd"), layers=layers)


def test_masks_are_of_shared_dropout_and_the_jobs() -> None:
    assert shared_dropouts(dropped()) == {0: ((6, 5, 1), 0.2), 3: ((30,), 0.3)}
    masks = Masks(Job(dropped(), "eager", 1, seed=3, precision="float64"))
    assert masks.shapes == [(6, 5, 1), (30,)]
    first, second = masks.of(2, 4), masks.of(2, 4)
    assert [mask.shape for mask in first] == [(4, 6, 5, 1), (4, 30)]
    for one, other in zip(first, second, strict=True):
        assert one.dtype == np.float64 and one is not other
        np.testing.assert_array_equal(one, other)
    for changed in (
        masks.of(3, 4),
        Masks(Job(dropped(), "eager", 1, seed=4, precision="float64")).of(2, 4),
    ):
        assert all((a != b).any() for a, b in zip(first, changed, strict=True))
    assert Masks(Job(recipe_of("sgd"), "eager", 1)).of(0, 4) == []
