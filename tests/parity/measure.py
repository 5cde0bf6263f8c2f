"""What one loop makes of one recipe: losses, gradients, and how chaotic they are."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset, Split, load
from tests.parity import reference_loop
from tests.parity.reference import Reference
from trainers.errors import RecipeError
from trainers.feeding import Feed
from trainers.loops import Loop, import_loop
from trainers.loops.job import Job, Precision
from trainers.recipes import Recipe, fit_recipe
from trainers.weights import Weights, initial_weights

NUM_EPOCHS = 2
"""So that two batches are short: the last one of each."""

NUM_PREDICTED = 200

Measured = dict[str, NDArray[Any]]
"""Of one loop, recipe and precision:

digest           of the first epoch's tensors, text
losses           (steps,), in training
loss             of the first batch, by the loop's function `gradients`
gradient.<name>  of the first batch
logits           (images, classes) of the test split's first images, after training
ulp_losses       (runs, steps), of float32 only: of `changed_weights`
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all loops of a comparison share.

    `data`: a dataset's name or folder. `batch_size` None is the recipe's.
    `num_single`: float32 runs with one weight changed by one unit in the last place
    (ulp), each another one. `num_whole`: with all kernels' weights changed by one ulp,
    up or down by chance: a framework that adds in another order has changes of that
    size in every layer from the first step on, where a single weight's take some steps
    to spread.
    """

    data: str = "glyphs"
    num_steps: int = 100
    batch_size: int | None = None
    num_threads: int = 1
    seed: int = 0
    num_single: int = 3
    num_whole: int = 2

    def __post_init__(self) -> None:
        if self.num_steps < 2 * NUM_EPOCHS or self.num_steps % NUM_EPOCHS:
            raise RecipeError(
                "the number of steps is out of range",
                expected=f"a multiple of {NUM_EPOCHS}, at least {2 * NUM_EPOCHS}",
                found=self.num_steps,
            )


def measure(
    loop: Loop, recipe: Recipe, precision: Precision, setting: Setting
) -> Measured:
    """Train `recipe` by `loop` (which may be `REFERENCE`) in this process.

    Raises what the loop raises, `LoopError` if it cannot do that in this process.
    """
    module = module_of(loop)
    recipe, dataset = prepare(recipe, setting)
    job = Job(
        recipe,
        loop.form,
        setting.num_steps,
        seed=setting.seed,
        num_threads=setting.num_threads,
        precision=precision,
    )
    module.configure(job)
    feed = Feed(dataset, recipe, loop, setting.seed, 0)
    weights = initial_weights(recipe, setting.seed)
    trainer = module.build(job)
    module.load_weights(trainer, weights)
    loss, gradients = module.gradients(trainer, *first_pair(feed))
    train = partial(_losses, module, trainer, feed)
    found: Measured = {
        "digest": np.array(feed.tensor_digest()),
        "losses": train(weights),
        "loss": np.array(float(loss)),
        "logits": module.predict(trainer, feed.eval_pairs(feed.test, "cpu")),
        **{f"gradient.{name}": array for name, array in gradients.items()},
    }
    if precision == "float32" and loop is not reference_loop.REFERENCE:
        others = changed_weights(dataset, recipe, weights, setting)
        found["ulp_losses"] = np.array([train(other) for other in others])
    return found


def prepare(recipe: Recipe, setting: Setting) -> tuple[Recipe, Dataset]:
    """The recipe for the data, and so much of the data as `setting` has use for.

    The last batch of an epoch is half a batch. Raises `RecipeError` if the data is not
    enough for that, and the errors of `load` and `fit_recipe`.
    """
    whole = load(setting.data)
    shape = whole.train.images.shape[1:]
    recipe = fit_recipe(recipe, shape, len(whole.classes))
    recipe = replace(recipe, batch_size=setting.batch_size or recipe.batch_size)
    size = recipe.batch_size
    count = (setting.num_steps // NUM_EPOCHS - 1) * size + max(1, size // 2)
    if count > len(whole.train):
        raise RecipeError(
            f"{whole.name} is too small for {setting.num_steps} steps of {recipe.name}",
            expected=f"at least {count} examples",
            found=len(whole.train),
        )
    train = Split(whole.train.images[:count], whole.train.labels[:count])
    test = Split(whole.test.images[:NUM_PREDICTED], whole.test.labels[:NUM_PREDICTED])
    return recipe, Dataset(whole.name, train, test, whole.classes)


def module_of(loop: Loop) -> Any:
    """The module with the loop's functions, imported."""
    return reference_loop if loop is reference_loop.REFERENCE else import_loop(loop)


def first_pair(feed: Feed) -> tuple[Any, Any]:
    """Images and labels of the first step."""
    images, labels, *_ = next(iter(feed.train_pairs(0, 0, "cpu")))
    return images, labels


def changed_weights(
    dataset: Dataset, recipe: Recipe, weights: Weights, setting: Setting
) -> list[Weights]:
    """`num_single` and then `num_whole` sets of weights, changed by one ulp.

    The single number is that of a kernel for which this changes the first loss most, by
    the reference's gradients; kernels from all over the model in turn.
    """
    feed = Feed(dataset, recipe, reference_loop.REFERENCE, setting.seed, 0)
    reference = Reference(recipe, weights, setting.num_steps, seed=setting.seed)
    _, gradients = reference.gradients(*first_pair(feed))
    kernels = [name for name in weights if name.endswith("kernel")]
    places = np.linspace(0, len(kernels) - 1, setting.num_single).round().astype(int)
    sets: list[Weights] = []
    for number, place in enumerate(places):
        name = kernels[place]
        kernel = weights[name].copy()
        effects = np.abs(gradients[name] * np.spacing(kernel)).ravel()
        # Not the same number twice where there are fewer kernels than runs.
        at = np.argsort(-effects, kind="stable")[number]
        kernel.flat[at] = np.nextafter(kernel.flat[at], np.float32(np.inf))
        sets.append({**weights, name: kernel})
    for number in range(setting.num_whole):
        random = np.random.default_rng(number)
        changed = {name: _shaken(weights[name], random) for name in kernels}
        sets.append({**weights, **changed})
    return sets


def _shaken(
    kernel: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Each number the next float32 above or below."""
    ends = np.array([-np.inf, np.inf], np.float32)
    shaken: NDArray[np.float32] = np.nextafter(
        kernel, ends[random.integers(0, 2, kernel.shape)]
    )
    return shaken


def _losses(
    module: Any, trainer: Any, feed: Feed, weights: Weights
) -> NDArray[np.float64]:
    """(steps,) of a training from the beginning."""
    module.load_weights(trainer, weights)
    losses: list[float] = []
    for epoch in range(NUM_EPOCHS):
        pairs = feed.train_pairs(epoch, 0, "cpu")
        losses += module.train_epoch(trainer, pairs, feed.num_steps).losses
    return np.array(losses, np.float64)
