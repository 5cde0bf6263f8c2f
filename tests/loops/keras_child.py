"""Checks of Keras's loop on one backend: `python -m tests.loops.keras_child BACKEND`.

A process has one backend, so each has one of its own. Prints a JSON object: the name of
each check -> the traceback of what it raised, or "". `CHECKS` can be read anywhere.
"""

import json
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.adapting import adapter
from tests.loops.keras_cases import (
    COUNT,
    DENSE,
    IMAGES,
    NATIVE,
    OPTIMIZERS,
    SIZE,
    STEPS,
    arrays,
    assert_same,
    batches,
    distance,
    job,
)
from tests.parity.reference import Reference
from trainers.errors import CheckpointError, LoopError
from trainers.loops import LOOPS, import_loop
from trainers.recipes import Recipe
from trainers.weights import initial_weights

LOOP_OF = {"tensorflow": "keras-tf", "torch": "keras-torch", "jax": "keras-jax"}

loop: Any = None
feeder: Any = None
is_tensorflow = False


def trainer(recipe: Recipe, **changes: Any) -> Any:
    """A trainer with the weights that all checks begin with."""
    asked = job(recipe, **changes)
    loop.configure(asked)
    made = loop.build(asked)
    loop.load_weights(made, initial_weights(recipe, 1))
    return made


def epoch(recipe: Recipe, number: int) -> Any:
    """An epoch as a run feeds it."""
    made = batches(recipe)
    if not is_tensorflow:
        return feeder.tensors(made, number)
    made.restore({**made.state(), "epoch": number, "step": 0})
    return feeder.dataset(made, number + 1)


def steps(recipe: Recipe, num_epochs: int) -> Iterator[tuple[Any, Any]]:
    for number in range(num_epochs):
        yield from feeder.tensors(batches(recipe), number)


def check_float64_is_the_reference() -> None:
    for recipe in (IMAGES, DENSE, replace(DENSE, optimizer=OPTIMIZERS[2])):
        made = trainer(recipe, precision="float64", num_steps=100)
        reference = Reference(recipe, initial_weights(recipe, 1), 100, seed=3)
        given, found = zip(
            *(
                (reference.gradients(*numbers)[1], loop.gradients(made, *pair)[1])
                for numbers, pair in zip(
                    arrays(recipe, 1), steps(recipe, 1), strict=True
                )
            ),
            strict=True,
        )
        for one, other in zip(given, found, strict=True):
            for name in one:
                assert distance(other[name], one[name]) < 1e-10 or (
                    np.abs(other[name] - one[name]).max() < 1e-14
                ), name
        expected = [reference.train_step(*pair) for pair in arrays(recipe, 20)]
        losses: list[float] = []
        for number in range(20):
            losses += loop.train_epoch(made, epoch(recipe, number), STEPS).losses
        assert np.allclose(losses, expected, rtol=1e-12, atol=0)
        for name, array in loop.get_weights(made).items():
            assert array.dtype == np.float64
            assert distance(array, reference.weights[name]) < 1e-11, name
        images, _ = next(arrays(recipe, 1))
        logits = loop.predict(made, epoch(recipe, 0))
        assert logits.dtype == np.float64
        assert distance(logits[:SIZE], reference.predict(images)) < 1e-11


def check_every_optimizer_in_float64() -> None:
    for optimizer in OPTIMIZERS:
        recipe = replace(DENSE, optimizer=optimizer)
        made = trainer(recipe, precision="float64")
        reference = Reference(recipe, initial_weights(recipe, 1), 4 * STEPS)
        for pair, numbers in zip(steps(recipe, 2), arrays(recipe, 2), strict=True):
            loss = loop.train_step(made, *pair)
            assert abs(loss / reference.train_step(*numbers) - 1) < 1e-12, optimizer


def check_float32_is_near_the_reference() -> None:
    for recipe in (IMAGES, DENSE):
        made = trainer(recipe)
        reference = Reference(recipe, initial_weights(recipe, 1), 4 * STEPS, seed=3)
        expected, gradients = reference.gradients(*next(arrays(recipe, 1)))
        loss, found = loop.gradients(made, *next(steps(recipe, 1)))
        assert abs(loss / expected - 1) < 1e-6
        names = list(gradients)
        assert list(found) == names == recipe.trainable_names()
        whole = [
            np.concatenate([part[name].ravel() for name in names])
            for part in (found, gradients)
        ]
        assert np.linalg.norm(whole[0] - whole[1]) < 1e-5 * np.linalg.norm(whole[1])
        epoch_losses = loop.train_epoch(made, epoch(recipe, 0), STEPS).losses
        exact = [reference.train_step(*pair) for pair in arrays(recipe, 1)]
        assert np.allclose(epoch_losses, exact, rtol=1e-5, atol=0)
        assert all(
            array.dtype == np.float32 for array in loop.get_weights(made).values()
        )


def check_fit_is_a_row_of_train_steps() -> None:
    for recipe in (IMAGES, NATIVE):
        fitted, stepped = trainer(recipe), trainer(recipe)
        losses: list[float] = []
        for number in range(2):
            made = loop.train_epoch(fitted, epoch(recipe, number), STEPS)
            losses += made.losses
            assert made.batch_sizes == [SIZE] * (STEPS - 1) + [COUNT % SIZE]
        assert losses == loop.to_floats(
            [loop.train_step(stepped, *pair) for pair in steps(recipe, 2)]
        )
        assert_same(loop.get_weights(fitted), loop.get_weights(stepped))
        assert_same(loop.get_state(fitted), loop.get_state(stepped))
        assert fitted.step == stepped.step == 2 * STEPS


def check_iterables_do_as_well() -> None:
    given, taken = trainer(IMAGES), trainer(IMAGES)
    loop.train_epoch(given, epoch(IMAGES, 0), STEPS)
    made = loop.train_epoch(taken, list(arrays(IMAGES, 1)), STEPS)
    assert_same(loop.get_weights(given), loop.get_weights(taken))
    assert (made.data_s is None) == is_tensorflow
    assert 0 < made.compute_s + (made.data_s or 0) < made.total_s


def check_gradients_change_nothing() -> None:
    for recipe in (IMAGES, NATIVE):
        made = trainer(recipe)
        pair = next(steps(recipe, 1))
        loop.train_step(made, *pair)
        before = loop.get_weights(made), loop.get_state(made)
        loop.gradients(made, *pair)
        assert_same(before[0], loop.get_weights(made))
        assert_same(before[1], loop.get_state(made))


def check_resume_is_bit_identical() -> None:
    # One of each kind of state.
    kinds = [OPTIMIZERS[number] for number in (0, 2, 3, 5)]
    native = [replace(NATIVE, optimizer=optimizer) for optimizer in kinds]
    for recipe in (IMAGES, *native):
        through = trainer(recipe)
        loop.train_epoch(through, epoch(recipe, 0), STEPS)
        kept = loop.get_weights(through), loop.get_state(through)
        resumed = trainer(recipe)
        loop.load_weights(resumed, kept[0])
        loop.set_state(resumed, kept[1])
        assert resumed.step == STEPS
        losses = [
            loop.train_epoch(made, epoch(recipe, 1), STEPS).losses
            for made in (through, resumed)
        ]
        assert losses[0] == losses[1]
        assert_same(loop.get_weights(through), loop.get_weights(resumed))
        assert_same(loop.get_state(through), loop.get_state(resumed))


def check_states_of_others_are_refused() -> None:
    made = [trainer(replace(DENSE, optimizer=OPTIMIZERS[number])) for number in (3, 4)]
    states = [loop.get_state(one) for one in made]
    step = {"step": np.array(-7)}
    for taker, given in zip(made * 2, [*states[::-1], *(s | step for s in states)]):
        try:
            loop.set_state(taker, given)
        except CheckpointError:
            continue
        raise AssertionError(sorted(given))
    for taker, own in zip(made, states):
        assert_same(loop.get_state(taker), own)


def check_loading_weights_begins_afresh() -> None:
    made = trainer(NATIVE)
    first = loop.train_epoch(made, epoch(NATIVE, 0), STEPS).losses
    loop.load_weights(made, initial_weights(NATIVE, 1))
    assert made.step == 0
    assert loop.train_epoch(made, epoch(NATIVE, 0), STEPS).losses == first
    other = trainer(NATIVE, seed=4)
    assert loop.train_epoch(other, epoch(NATIVE, 0), STEPS).losses != first


def check_ticks() -> None:
    from trainers.loops import keras_fit

    seen: list[tuple[list[float], list[int]]] = []

    def tick(losses: list[float], sizes: list[int]) -> None:
        seen.append((list(losses), list(sizes)))

    interval, keras_fit.TICK_S = keras_fit.TICK_S, 0.0
    try:
        made = trainer(NATIVE)
        timed = loop.train_epoch(made, epoch(NATIVE, 0), STEPS, tick)
    finally:
        keras_fit.TICK_S = interval
    ends = [*range(1, STEPS + 1), STEPS]
    assert seen == [(timed.losses[:end], timed.batch_sizes[:end]) for end in ends]
    quiet = trainer(NATIVE)
    assert loop.train_epoch(quiet, epoch(NATIVE, 0), STEPS).losses == timed.losses


def check_tick_can_stop() -> None:
    from trainers.loops import keras_fit

    def tick(losses: list[float], sizes: list[int]) -> None:
        if len(losses) == 2:
            raise KeyboardInterrupt

    interval, keras_fit.TICK_S = keras_fit.TICK_S, 0.0
    made = trainer(NATIVE)
    try:
        loop.train_epoch(made, epoch(NATIVE, 0), STEPS, tick)
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError("it went on")
    finally:
        keras_fit.TICK_S = interval
    assert made.step == 2
    stepped = trainer(NATIVE)
    for _, pair in zip(range(2), steps(NATIVE, 1), strict=False):
        loop.train_step(stepped, *pair)
    assert_same(loop.get_weights(made), loop.get_weights(stepped))
    assert_same(loop.get_state(made), loop.get_state(stepped))


def check_too_few_pairs() -> None:
    made = trainer(DENSE)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Your input ran out of data")
        try:
            loop.train_epoch(made, epoch(DENSE, 0), STEPS + 1)
        except LoopError as error:
            assert error.found == STEPS
        else:
            raise AssertionError("not noticed")
    assert made.step == STEPS


def check_rates() -> None:
    import keras

    from trainers.loops.keras_fit import RateTable

    rates = IMAGES.learning_rates(7)
    table = RateTable(rates)
    step = keras.Variable(0, dtype="int", trainable=False)
    for number in (*range(7), 7, 100):
        step.assign(number)
        found = np.asarray(keras.ops.convert_to_numpy(table(step)))
        assert found.dtype == np.float32
        assert found == rates[min(number, 6)]


def check_predictions_and_files() -> None:
    for recipe in (IMAGES, DENSE):
        made = trainer(recipe)
        loop.train_epoch(made, epoch(recipe, 0), STEPS)
        logits = loop.predict(made, steps(recipe, 1))
        assert (logits.shape, logits.dtype) == ((COUNT, 4), np.float32)
        # In order, and no batch has to do with another.
        pairs = list(arrays(recipe, 1))
        alone = loop.predict(made, steps_of(pairs[1:2]))
        assert np.allclose(alone, logits[SIZE : 2 * SIZE], rtol=1e-5, atol=1e-6)
        assert loop.predict(made, []).shape == (0, 4)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            loop.save_model(made, path)
            other = trainer(recipe)
            loop.load_model(other, path)
        assert_same(loop.get_weights(other), loop.get_weights(made))
        assert np.array_equal(loop.predict(other, steps(recipe, 1)), logits)


def steps_of(pairs: list[tuple[NDArray[Any], NDArray[Any]]]) -> Any:
    import keras

    convert = keras.ops.convert_to_tensor
    return [(convert(images), convert(labels)) for images, labels in pairs]


def check_flags() -> None:
    import keras

    flags = loop.configure(job(DENSE))
    assert flags["backend"] == keras.config.backend()
    assert flags["keras"] == keras.__version__
    assert flags["threads"] == 1
    assert flags["flush_denormal"] is True
    assert flags["run_eagerly"] is False
    # Keras's own choice is the one that is made, on this machine's CPU.
    model = trainer(DENSE).model
    made = bool(model.jit_compile)
    model.compile(model.optimizer)
    assert bool(model.jit_compile) == made == flags["jit_compile"]
    json.dumps(flags)


CHECKS: dict[str, Callable[[], None]] = {
    name.removeprefix("check_"): check
    for name, check in list(globals().items())
    if name.startswith("check_")
}


def main(backend: str, *names: str) -> None:
    """Run all checks, or those named."""
    global loop, feeder, is_tensorflow
    loop = import_loop(LOOPS[LOOP_OF[backend]])
    feeder = adapter(backend)
    is_tensorflow = backend == "tensorflow"
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        if backend == "jax":
            compile_once(folder)
        for name in names or CHECKS:
            try:
                CHECKS[name]()
                found[name] = ""
            except Exception:  # noqa: BLE001 - what it was is told
                found[name] = traceback.format_exc()
    print(json.dumps(found))


def compile_once(folder: str) -> None:
    """What trainers of one recipe have in common: XLA takes a second and more for it."""
    import jax

    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


if __name__ == "__main__":
    main(*sys.argv[1:])
