"""PyTorch's side of training in several processes: DistributedDataParallel.

A global batch of n examples is cut into unequal parts, so a rank's loss is not its mean
but `num_ranks / n` times its sum: what DDP averages over ranks is then the gradient of
the global batch's mean loss, whatever the parts' sizes are.
"""

import os
import re
import socket
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn
from torch.distributed import distributed_c10d as c10d
from torch.distributed.rendezvous import rendezvous
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from trainers.errors import LaunchError, RankLostError
from trainers.loops.ranks import Ranks
from trainers.loops.torch_layers import BiasedBatchNorm, Model

Tensor = torch.Tensor

_SOURCE = re.compile(r"^(\[[^]]*\] )+")
"""Where in its source gloo says something."""


def join(ranks: Ranks, device: torch.device) -> str:
    """Meet the other processes; the backend's name: gloo, or nccl on a GPU.

    gloo listens on the network by which this process reaches the meeting point, which is
    the loopback where all are on one host; GLOO_SOCKET_IFNAME says otherwise. The group
    stays until the process ends: PyTorch's end of a gloo group can wait for ever for a
    thread that waits for Python.

    Raises `RankLostError` if not all have come in time, `LaunchError` if torchrun's
    environment lacks the meeting point.
    """
    backend = "nccl" if device.type == "cuda" else "gloo"
    interface = _interface_towards(os.environ.get("MASTER_ADDR", ""))
    if interface is not None:
        # Left to itself gloo takes the address of the host's name, which on many hosts
        # is the loopback, where no other host reaches it.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
    if dist.is_initialized():
        return backend
    timeout = timedelta(seconds=ranks.timeout_s)
    try:
        dist.init_process_group(
            backend,
            store=_store(ranks, timeout),
            rank=ranks.rank,
            world_size=ranks.num_ranks,
            timeout=timeout,
        )
    except ValueError as error:
        raise LaunchError(
            "PyTorch cannot meet the other processes",
            found=" ".join(str(error).split()),
            hint="start the processes by torchrun",
        ) from error
    except RuntimeError as error:
        raise RankLostError(
            "not all processes of the run have come",
            expected=f"{ranks.num_ranks} within {ranks.timeout_s:g} s",
            found=lost_rank(error) or str(error),
        ) from error
    return backend


def _interface_towards(host: str) -> str | None:
    """The network interface by which packets to `host` leave; None if that is unknown."""
    import psutil  # not worth its time in a process that trains alone

    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, 9, type=socket.SOCK_DGRAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # sends nothing
            own = probe.getsockname()[0]
    except OSError:
        return None
    name: str
    for name, addresses in psutil.net_if_addrs().items():
        if own in (one.address.partition("%")[0] for one in addresses):
            return name
    return None


def _store(ranks: Ranks, timeout: timedelta) -> c10d.Store:
    """Where processes find each other: torchrun's.

    On one host torchrun may keep its store when it starts processes again, with the
    addresses of those that are gone in it. On several each start has a new one.
    """
    address = f"env://?rank={ranks.rank}&world_size={ranks.num_ranks}"
    store: c10d.Store = next(rendezvous(address, timeout=timeout))[0]
    attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT")
    if attempt is None or os.environ.get("GROUP_WORLD_SIZE") != "1":
        return store
    return c10d.PrefixStore(f"attempt {attempt}", store)


class _Loss(nn.Module):
    """A model with its loss: `scale` times the sum over the examples."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, images: Tensor, labels: Tensor, masks: list[Tensor], scale: Tensor
    ) -> Tensor:
        logits = self.model(images, masks)
        return functional.cross_entropy(logits, labels, reduction="sum") * scale


class SharedLoss:
    """The loss of this rank's part of a batch, whose gradients DDP averages.

    `options`: of `torch.compile`, or None for op by op.
    """

    def __init__(
        self,
        model: Model,
        ranks: Ranks,
        device: torch.device,
        options: Mapping[str, Any] | None,
    ) -> None:
        loss: nn.Module = _Loss(model)
        for module in model.modules():
            if isinstance(module, BiasedBatchNorm):
                module.over_ranks = True
        if options is not None:
            loss = torch.compile(loss, **options)  # type: ignore[assignment]
        self._ranks = ranks
        self._loss = DistributedDataParallel(loss)

    def __call__(
        self, images: Tensor, labels: Tensor, masks: list[Tensor], step: int
    ) -> Tensor:
        """`num_ranks` times this part of the global batch's mean loss."""
        ranks = self._ranks
        scale = torch.tensor(
            ranks.num_ranks / ranks.count(step),
            dtype=images.dtype,
            device=images.device,
        )
        loss: Tensor = self._loss(images, labels, masks, scale)
        return loss

    def mean(self, loss: Tensor) -> Tensor:
        """The global batch's mean loss, from what each rank's call gave."""
        dist.all_reduce(loss)
        return loss / self._ranks.num_ranks


def sum_over_ranks(array: NDArray[Any], device: torch.device) -> NDArray[Any]:
    """The sum of all ranks' arrays, the same on each of them; a fresh array."""
    total = torch.from_numpy(np.array(array, order="C")).to(device)
    dist.all_reduce(total)
    return total.cpu().numpy()


def lost_rank(error: BaseException) -> str | None:
    """PyTorch's words, if `error` says that a process of the group is gone or late."""
    text = " ".join(str(error).split("\n")[0].split())
    # gloo has no class of its own.
    is_gloo = isinstance(error, RuntimeError) and "gloo" in str(error).lower()
    if isinstance(error, dist.DistError) or is_gloo:
        return _SOURCE.sub("", text).split(". ")[0] or type(error).__name__
    return None
