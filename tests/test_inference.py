"""Predictions against the model written out in NumPy; files of models, there and back."""

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training import SMALL
from trainers.checkpoints import save_weights
from trainers.errors import CheckpointError, LoopError, MetricsError, RecipeError
from trainers.inference import BATCH_SIZE, predict_probabilities
from trainers.layers import Dense, Flatten
from trainers.model_files import check_new_file, formats, open_model, write_model
from trainers.optimizers import SGD
from trainers.recipes import Recipe
from trainers.weights import Weights, initial_weights

torch = pytest.importorskip("torch")

MLP = Recipe("mlp", (4, 3), (Flatten(), Dense(6, "tanh"), Dense(3)), SGD(0.1), 4, 1)


def some_images(count: int, shape: tuple[int, int] = (4, 3)) -> NDArray[np.uint8]:
    random = np.random.default_rng(count)
    return random.integers(0, 256, (count, *shape), dtype=np.uint8)


def some_weights(recipe: Recipe) -> Weights:
    weights = initial_weights(recipe, 3)
    random = np.random.default_rng(3)
    for name, array in weights.items():
        if not name.endswith("kernel"):
            array[:] = random.uniform(0.5, 1.5, array.shape)
    return weights


def by_numpy(weights: Weights, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    numbers = images.reshape(len(images), -1) / 255
    hidden = np.tanh(numbers @ weights["1.kernel"] + weights["1.bias"])
    powers = np.exp(hidden @ weights["2.kernel"] + weights["2.bias"])
    share: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return share


@pytest.mark.parametrize("count", [1, BATCH_SIZE, 2 * BATCH_SIZE + 1])
def test_predictions_are_the_models(count: int) -> None:
    weights, images = some_weights(MLP), some_images(count)
    found = predict_probabilities(MLP, weights, "torch-eager", images)
    assert found.shape == (count, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_numpy(weights, images), rtol=2e-6, atol=1e-7)


def test_a_softmax_at_the_end_is_applied_once() -> None:
    layers = (*MLP.layers[:-1], Dense(3, "softmax"))
    recipe = replace(MLP, layers=layers, loss="categorical_crossentropy")
    weights, images = some_weights(MLP), some_images(5)
    np.testing.assert_array_equal(
        predict_probabilities(recipe, weights, "torch-eager", images),
        predict_probabilities(MLP, weights, "torch-eager", images),
    )


@pytest.mark.parametrize(
    "images",
    [
        some_images(3, (3, 4)),
        some_images(0),
        some_images(3).astype(np.float32),
        some_images(3)[0],
    ],
)
def test_images_that_do_not_fit(images: NDArray[np.uint8]) -> None:
    with pytest.raises(RecipeError):
        predict_probabilities(MLP, some_weights(MLP), "torch-eager", images)


def test_weights_that_give_no_numbers() -> None:
    weights = some_weights(MLP)
    weights["2.bias"][1] = np.nan
    with pytest.raises(MetricsError, match="logits are not finite"):
        predict_probabilities(MLP, weights, "torch-eager", some_images(2))


def test_unknown_loop() -> None:
    with pytest.raises(LoopError):
        predict_probabilities(MLP, some_weights(MLP), "torch", some_images(2))


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt"])
def test_files_of_models_there_and_back(tmp_path: Path, ending: str) -> None:
    """Also of a recipe with batch normalisation and dropout, which is off."""
    path = tmp_path / f"model{ending}"
    weights, images = some_weights(SMALL), some_images(20, SMALL.image_shape)
    before = predict_probabilities(SMALL, weights, "torch-eager", images)
    write_model(path, SMALL, weights, "torch-eager")
    recipe = None if ending == ".npz" else SMALL
    model = open_model(path, recipe=recipe, loop=None)
    assert (model.recipe, model.loop) == (SMALL, "torch-eager")
    after = predict_probabilities(model.recipe, model.weights, model.loop, images)
    np.testing.assert_array_equal(before, after)


def test_a_file_of_another_recipe(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    write_model(path, SMALL, some_weights(SMALL), "torch-eager")
    with pytest.raises(CheckpointError):
        predict_probabilities(MLP, path, "torch-eager", some_images(2))


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    neutral, other = tmp_path / "model.npz", tmp_path / "model.pt"
    save_weights(neutral, MLP, some_weights(MLP))
    other.write_bytes(b"nonsense")
    with pytest.raises(RecipeError, match="its own recipe"):
        open_model(neutral, recipe=MLP, loop=None)
    with pytest.raises(RecipeError, match="--recipe"):
        open_model(other, recipe=None, loop=None)
    with pytest.raises(CheckpointError, match="not a file that jax-jit reads"):
        open_model(other, recipe=MLP, loop="jax-jit")
    with pytest.raises(FileNotFoundError):
        open_model(tmp_path / "none.npz", recipe=None, loop=None)
    with pytest.raises(CheckpointError, match="no ending"):
        open_model(neutral.rename(tmp_path / "model"), recipe=None, loop=None)
    model = open_model(other, recipe=MLP, loop=None)
    with pytest.raises(CheckpointError):
        predict_probabilities(MLP, model.weights, model.loop, some_images(2))


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\.npz, \.keras"):
        check_new_file(tmp_path / "model.pt", "tf-eager")
    with pytest.raises(FileNotFoundError):
        check_new_file(tmp_path / "none" / "model.npz", "tf-eager")
    (tmp_path / "model.npz").touch()
    with pytest.raises(FileExistsError):
        check_new_file(tmp_path / "model.npz", "tf-eager")


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_half_a_file_is_not_left(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        (part,) = (x for x in args if isinstance(x, Path))
        assert part.suffix == ending
        part.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "the disk is full", str(part))

    monkeypatch.setattr("trainers.loops.torch_loop.save_model", full)
    monkeypatch.setattr("trainers.model_files.save_weights", full)
    path = tmp_path / f"model{ending}"
    with pytest.raises(OSError, match="full") as caught:
        write_model(path, MLP, some_weights(MLP), "torch-eager")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("has_links", [True, False])
@pytest.mark.parametrize("ending", [".npz", ".pt"])
def test_a_file_that_came_meanwhile_stays(
    tmp_path: Path, has_links: bool, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*args: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    def check_and_lose(path: Path, loop: str) -> None:
        check_new_file(path, loop)
        path.write_text("another's")

    if not has_links:
        monkeypatch.setattr("os.link", no_link)
    path, other = tmp_path / f"model{ending}", tmp_path / f"other{ending}"
    write_model(other, MLP, some_weights(MLP), "torch-eager")
    monkeypatch.setattr("trainers.model_files.check_new_file", check_and_lose)
    with pytest.raises(FileExistsError) as caught:
        write_model(path, MLP, some_weights(MLP), "torch-eager")
    assert caught.value.filename == str(path)
    assert path.read_text() == "another's"
    assert sorted(tmp_path.iterdir()) == [path, other]


def test_each_loop_has_a_format_of_its_own() -> None:
    from trainers.loops import LOOPS

    assert all(formats(name) for name in LOOPS)
