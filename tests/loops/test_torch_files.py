"""Files of PyTorch's loop: what a stock model makes of them, and what is refused."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.loops.test_torch_loop import (
    EVERYTHING,
    assert_same_bits,
    built,
    random_pairs,
    trained,
)
from trainers.errors import CheckpointError
from trainers.recipes import RECIPES

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

from trainers.loops import torch_loop
from trainers.loops.torch_layers import stock_model

each_suffix = pytest.mark.parametrize("suffix", [".safetensors", ".pt"])


@pytest.fixture(scope="module")
def trainer() -> Any:
    trainer = built(EVERYTHING)
    trained(trainer, random_pairs(EVERYTHING, 10))
    return trainer


def read(path: Path) -> dict[str, Any]:
    if path.suffix == ".pt":
        return dict(torch.load(path, weights_only=True))
    return dict(safetensors.load_file(path))


def write(path: Path, tensors: dict[str, Any]) -> Path:
    if path.suffix == ".pt":
        torch.save(tensors, path)
    else:
        safetensors.save_file(tensors, path)
    return path


@each_suffix
def test_a_stock_model_takes_the_file_and_gives_the_same(
    trainer: Any, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"model{suffix}"
    torch_loop.save_model(trainer, path)
    model, _ = stock_model(EVERYTHING)
    assert all(type(module).__module__.startswith("torch.nn") for module in model)
    model.load_state_dict(read(path), strict=True)
    model.eval()
    pairs = random_pairs(EVERYTHING, 2)
    with torch.no_grad():
        found = torch.cat([model(images.unsqueeze(1)) for images, _ in pairs])
    logits = torch.from_numpy(torch_loop.predict(trainer, pairs))
    torch.testing.assert_close(found, logits.softmax(1), rtol=1e-5, atol=1e-6)


@each_suffix
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_what_is_saved_is_loaded(tmp_path: Path, suffix: str, precision: str) -> None:
    trainer = built(EVERYTHING, precision=precision)
    trained(trainer, random_pairs(EVERYTHING, 6))
    path = tmp_path / f"model{suffix}"
    torch_loop.save_model(trainer, path)
    other = torch_loop.build(trainer.job)
    torch_loop.load_model(other, path)
    assert_same_bits(torch_loop.get_weights(other), torch_loop.get_weights(trainer))
    assert other.step == 0
    with pytest.raises(FileExistsError):
        torch_loop.save_model(trainer, path)


def test_names_are_those_of_a_sequential(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    torch_loop.save_model(built(RECIPES["mlp-128x2"]), path)
    shapes = {name: tuple(tensor.shape) for name, tensor in read(path).items()}
    assert shapes == {
        "1.weight": (128, 784),
        "1.bias": (128,),
        "3.weight": (128, 128),
        "3.bias": (128,),
        "5.weight": (10, 128),
        "5.bias": (10,),
    }


@each_suffix
def test_damaged_files_are_refused(trainer: Any, tmp_path: Path, suffix: str) -> None:
    whole = tmp_path / f"model{suffix}"
    torch_loop.save_model(trainer, whole)
    content = whole.read_bytes()
    weights = torch_loop.get_weights(trainer)
    for number, damaged in enumerate(
        (b"", b"\0" * 64, content[:100], content[: len(content) // 2], content[:-1])
    ):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError) as caught:
            torch_loop.load_model(trainer, path)
        assert caught.value.path == str(path)
    assert_same_bits(torch_loop.get_weights(trainer), weights)


@each_suffix
def test_files_of_other_models_are_refused(
    trainer: Any, tmp_path: Path, suffix: str
) -> None:
    whole = tmp_path / f"model{suffix}"
    torch_loop.save_model(trainer, whole)
    tensors = read(whole)
    name = "0.weight"
    wrongs = {
        "missing": {key: x for key, x in tensors.items() if key != name},
        "more": tensors | {"99.weight": torch.ones(3)},
        "shape": tensors | {name: torch.ones(3, 1, 2, 2)},
        "dtype": tensors | {name: tensors[name].int()},
    }
    for label, wrong in wrongs.items():
        with pytest.raises(CheckpointError, match=r"(0|99)\.(weight|kernel)"):
            torch_loop.load_model(trainer, write(tmp_path / f"{label}{suffix}", wrong))


def test_lists_and_other_suffixes_are_refused(trainer: Any, tmp_path: Path) -> None:
    torch.save([torch.ones(3)], tmp_path / "list.pt")
    for name in ("list.pt", "model.npz"):
        with pytest.raises(CheckpointError):
            torch_loop.load_model(trainer, tmp_path / name)
    with pytest.raises(CheckpointError, match=r"\.safetensors or \.pt"):
        torch_loop.save_model(trainer, tmp_path / "model.npz")
    with pytest.raises(FileNotFoundError):
        torch_loop.load_model(trainer, tmp_path / "not_there.pt")


class Attack:
    """What would make a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_a_file_is_not_run(trainer: Any, tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"0.weight": Attack(made)}, tmp_path / "zip.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps({"0.weight": Attack(made)}))
    for name in ("zip.pt", "bare.pt"):
        with pytest.raises(CheckpointError):
            torch_loop.load_model(trainer, tmp_path / name)
    assert not made.exists()


def test_half_precision_files_are_taken(trainer: Any, tmp_path: Path) -> None:
    whole = tmp_path / "model.safetensors"
    torch_loop.save_model(trainer, whole)
    halves = {
        name: x.bfloat16() if x.is_floating_point() else x
        for name, x in read(whole).items()
    }
    other = torch_loop.build(trainer.job)
    torch_loop.load_model(other, write(tmp_path / "half.safetensors", halves))
    weights = torch_loop.get_weights(trainer)
    for name, array in torch_loop.get_weights(other).items():
        np.testing.assert_allclose(array, weights[name], rtol=1e-2, err_msg=name)
