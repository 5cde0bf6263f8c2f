"""Recipes in PyTorch, op by op ("eager") or compiled ("compile").

"compile" compiles model and loss, forward and backward, by torch.compile; not the
optimiser: within a compiled step PyTorch computes Adam's bias correction in float32,
also in float64. Each batch size is compiled by itself, because code for any size is
some 3 % slower: one that is new takes seconds, the first time on a machine. `gradients`
of a batch of that size does it beforehand.

The same functions in the same order as all loops: `trainers.loops`.
"""

import functools
import hashlib
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from trainers.errors import DeviceError, LoopError
from trainers.loops import torch_ranks
from trainers.loops.arrays import check_arrays, check_state
from trainers.loops.job import Job
from trainers.loops.masks import Masks
from trainers.loops.torch_files import (
    read_state_dict,
    to_neutral,
    to_torch,
    write_state_dict,
)
from trainers.loops.torch_layers import Model, training_model
from trainers.loops.torch_optimizers import make_stepper, stepper_kind
from trainers.timing import Tick, TimedEpoch, timed_epoch
from trainers.weights import Weights

FRAMEWORK = "PyTorch"

Tensor = torch.Tensor
Array = NDArray[Any]

_COMPILE: dict[str, Any] = {
    # Nothing falls back to eager without a word, and trainers count apart.
    "fullgraph": True,
    "dynamic": False,
    "isolate_recompiles": True,
    "recompile_limit": 64,
}


def configure(job: Job) -> dict[str, Any]:
    """Set threads and arithmetic flags of this process; returns them for the record.

    Before anything else runs in PyTorch, since threads keep the flags they start with.
    One of several processes meets the others here. Raises `DeviceError` if the device
    is not there, and the errors of `torch_ranks.join`.
    """
    device = _device(job)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    # TensorFlow's threads do so by default; denormals cost a factor of 10 and more.
    torch.set_flush_denormal(True)
    torch.set_num_threads(job.num_threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    denormal = torch.full((1 << 20,), 2e-38, dtype=torch.float32) * 0.25
    flags: dict[str, Any] = {
        "version": torch.__version__,
        "form": job.form,
        "threads": torch.get_num_threads(),
        "flush_denormal": not bool(denormal.any()),
        "float32_matmul": torch.get_float32_matmul_precision(),
        "cudnn_tf32": torch.backends.cudnn.allow_tf32,
        "memory_format": "channels_last",
        "optimizer": stepper_kind(job.recipe.optimizer),
        "device": _device_name(device),
        "precision": job.precision,
    }
    if job.form == "compile":
        flags |= {"compiled": "model and loss", "dynamic_shapes": False}
    if job.ranks is not None:
        flags |= {
            "ranks": job.ranks.num_ranks,
            "ranks_by": f"DistributedDataParallel, {torch_ranks.join(job.ranks, device)}",
        }
    return flags


class Trainer:
    """One model with its optimiser; `step` is the next one, from 0."""

    def __init__(self, job: Job) -> None:
        recipe = job.recipe
        self.job = job
        self.device = _device(job)
        self.dtype = getattr(torch, job.dtype)
        self.model, self.tensors = training_model(
            recipe, dtype=self.dtype, device=self.device
        )
        self.parameters = [self.tensors[name] for name in recipe.trainable_names()]
        rates = recipe.learning_rates(job.num_steps).tolist()
        self.rates = rates or [recipe.optimizer.learning_rate]
        self.masks = Masks(job)
        self.generator = torch.default_generator
        if self.device.type == "cuda":
            torch.cuda.init()  # type: ignore[no-untyped-call]
            self.generator = torch.cuda.default_generators[self.device.index]
        self.has_native_masks = not recipe.is_bit_comparable
        options = _COMPILE if job.form == "compile" else None
        self.shared_loss = None
        if job.ranks is not None:
            self.shared_loss = torch_ranks.SharedLoss(
                self.model, job.ranks, self.device, options
            )
        self.loss = _loss_of(self.model)
        if job.precision == "mixed_bfloat16":
            self.loss = torch.autocast(self.device.type, torch.bfloat16)(self.loss)
        if options is not None and self.shared_loss is None:
            self.loss = torch.compile(self.loss, **options)
        self.reset()

    def reset(self) -> None:
        """Step 0 and a fresh optimiser."""
        optimizer = self.job.recipe.optimizer
        self.stepper = make_stepper(optimizer, self.parameters, self.rates)
        self.step = 0

    def loss_of(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of a batch in training, at the next step's masks.

        Of several processes: what `SharedLoss` gives for this one's part.
        """
        if images.dtype is not self.dtype or images.device != self.device:
            images = images.to(self.device, self.dtype)
        kind = self.dtype if labels.is_floating_point() else torch.int64
        if labels.dtype is not kind or labels.device != self.device:
            labels = labels.to(self.device, kind)
        if self.has_native_masks:
            self._seed_native()
        masks = self._masks(len(images))
        if self.shared_loss is not None:
            return self.shared_loss(images, labels, masks, self.step)
        return self.loss(images, labels, masks)

    def _masks(self, count: int) -> list[Tensor]:
        masks = [
            torch.from_numpy(mask).to(self.device)
            for mask in self.masks.of(self.step, count)
        ]
        return [m.permute(0, 3, 1, 2) if m.dim() == 4 else m for m in masks]

    def _seed_native(self) -> None:
        """Make PyTorch's masks a function of seed and step, so that runs can resume."""
        name = f"{self.job.seed} {self.step}"
        if self.job.ranks is not None and self.job.ranks.rank:
            name += f" {self.job.ranks.rank}"
        digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
        # `torch.manual_seed` looks for every kind of device, which takes longer.
        self.generator.manual_seed(int.from_bytes(digest, "little"))


def build(job: Job) -> Trainer:
    """The job's model, weights not yet set.

    Raises `DeviceError`, and `LoopError` for another form or if nothing can be compiled.
    """
    if job.form not in ("eager", "compile"):
        raise LoopError(
            "PyTorch's loop has no such form",
            expected="'eager' or 'compile'",
            found=repr(job.form),
        )
    if job.form == "compile":
        _check_compiler(str(_device(job)))
    return Trainer(job)


def load_weights(trainer: Trainer, weights: Weights) -> None:
    """Set all weights from the neutral layout and forget the optimiser's state."""
    check_arrays(weights, trainer.job.recipe.weight_shapes())
    with torch.no_grad():
        for name, tensor in trainer.tensors.items():
            tensor.copy_(to_torch(name, weights[name]))
    trainer.reset()


def get_weights(trainer: Trainer) -> Weights:
    """Copies of all weights, moving statistics too, in the neutral layout."""
    return {name: to_neutral(name, x) for name, x in trainer.tensors.items()}


def get_state(trainer: Trainer) -> dict[str, Array]:
    """Copies: "<weight>/<slot>" in the neutral layout, and the next step as "step".

    A slot has PyTorch's name of it. Native dropout needs none: its masks are a function
    of seed and step.
    """
    names = trainer.job.recipe.trainable_names()
    state = {
        f"{name}/{slot}": to_neutral(name, tensor)
        for slot, tensors in trainer.stepper.slots.items()
        for name, tensor in zip(names, tensors, strict=True)
    }
    return state | {"step": np.array(trainer.step, np.int64)}


def set_state(trainer: Trainer, state: dict[str, Array]) -> None:
    """The opposite of `get_state`; `CheckpointError` if it is of another recipe."""
    check_state(state, get_state(trainer))
    step = int(state["step"])
    names = trainer.job.recipe.trainable_names()
    for slot, tensors in trainer.stepper.slots.items():
        for name, tensor in zip(names, tensors, strict=True):
            tensor.copy_(to_torch(name, state[f"{name}/{slot}"]))
    trainer.step = step
    trainer.stepper.restore(step)


def train_step(trainer: Trainer, images: Tensor, labels: Tensor) -> Tensor:
    """One update from images (m, h, w) and labels (m,) or (m, classes); the mean loss.

    Integer labels are below the number of classes: not checked here.
    """
    for parameter in trainer.parameters:
        parameter.grad = None
    loss = trainer.loss_of(images, labels)
    loss.backward()  # type: ignore[no-untyped-call]
    trainer.stepper.step(trainer.step)
    trainer.step += 1
    loss = loss.detach()
    return loss if trainer.shared_loss is None else trainer.shared_loss.mean(loss)


def gradients(
    trainer: Trainer, images: Tensor, labels: Tensor
) -> tuple[Tensor, Weights]:
    """Loss and gradients of the next step in the neutral layout; nothing changes."""
    buffers = list(trainer.model.buffers())
    kept = [buffer.clone() for buffer in buffers]
    try:
        loss = trainer.loss_of(images, labels)
        found = torch.autograd.grad(loss, trainer.parameters)
    finally:
        for buffer, values in zip(buffers, kept, strict=True):
            buffer.copy_(values)
    names = trainer.job.recipe.trainable_names()
    return loss.detach(), {
        name: to_neutral(name, tensor)
        for name, tensor in zip(names, found, strict=True)
    }


def to_floats(losses: list[Tensor]) -> list[float]:
    """The values of losses kept during an epoch."""
    return torch.stack(losses).tolist() if losses else []


def train_epoch(
    trainer: Trainer,
    pairs: Iterable[tuple[Tensor, Tensor]],
    num_steps: int,
    tick: Tick | None = None,
) -> TimedEpoch:
    """A step for each pair, of which there are `num_steps`."""
    step = functools.partial(train_step, trainer)
    return timed_epoch(step, to_floats, pairs, tick)


def predict(trainer: Trainer, pairs: Iterable[tuple[Tensor, Tensor]]) -> Array:
    """Logits (n, classes) of all images, in order; op by op in both forms."""
    model = trainer.model
    logits = [torch.empty((0, trainer.job.recipe.num_classes), dtype=trainer.dtype)]
    model.eval()
    try:
        with torch.inference_mode():
            for images, *_ in pairs:
                logits.append(model(images.to(trainer.device, trainer.dtype)).cpu())
    finally:
        model.train()
    return torch.cat(logits).numpy()


def save_model(trainer: Trainer, path: Path) -> None:
    """The `state_dict` of `torch_layers.stock_model` to a new .safetensors or .pt.

    Raises `CheckpointError` for another suffix, `FileExistsError` for a file there.
    """
    recipe = trainer.job.recipe
    write_state_dict(recipe, get_weights(trainer), trainer.step, Path(path))


def load_model(trainer: Trainer, path: Path) -> None:
    """Weights from such a file, as `load_weights` sets them.

    Raises `CheckpointError` if it is damaged or of another recipe.
    """
    load_weights(trainer, read_state_dict(trainer.job.recipe, Path(path)))


def sum_over_ranks(job: Job, array: Array) -> Array:
    """The sum of all processes' arrays, the same on each of them; a fresh array."""
    return torch_ranks.sum_over_ranks(array, _device(job))


def lost_rank(error: BaseException) -> str | None:
    """The reason, if `error` says that another process is gone or late."""
    return torch_ranks.lost_rank(error)


def _loss_of(model: Model) -> Callable[[Tensor, Tensor, list[Tensor]], Tensor]:
    # No method of the trainer: compiled code would look at each step whether any of
    # the trainer's attributes on the way has changed.
    def loss(images: Tensor, labels: Tensor, masks: list[Tensor]) -> Tensor:
        return functional.cross_entropy(model(images, masks), labels)

    return loss


def _device(job: Job) -> torch.device:
    if job.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError(
            "PyTorch cannot use a GPU here",
            expected="a CUDA device and a PyTorch built for it",
            found=f"PyTorch {torch.__version__}",
            hint='use device="cpu"',
        )
    if job.device == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", job.ranks.local_rank if job.ranks is not None else 0)


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


@functools.cache
def _check_compiler(device: str) -> None:
    """Compile and run a line, once a process, since nothing less tells."""
    try:
        with warnings.catch_warnings():
            # PyTorch imports its compiler here, deprecated parts of its own with it.
            warnings.simplefilter("ignore", DeprecationWarning)
            compiled = torch.compile(lambda x: x.sin() + 1, **_COMPILE)
            compiled(torch.zeros(4, device=device))
    except Exception as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise LoopError(
            "torch.compile does not work here",
            expected="a C++ compiler (or Triton for a GPU) and Python's headers",
            found=f"{type(error).__name__}: {reason}",
            hint="the loop torch-eager needs no compiler",
        ) from error
