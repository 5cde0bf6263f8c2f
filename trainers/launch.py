"""How this process was started: alone, or as one of several that train one model.

Two launchers are understood, by what they leave in the environment: PyTorch's
`torchrun` (RANK, WORLD_SIZE, ...), and whatever sets TensorFlow's TF_CONFIG.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainers.errors import LaunchError
from trainers.loops import LOOPS, Launcher, Loop

DEFAULT_TIMEOUT_S = 600.0

_ADDRESS = re.compile(r"[^/]+:([0-9]{1,5})")
_TASKS = ("chief", "worker")
"""Of a TF_CONFIG; the chief is rank 0, workers come after it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Process `rank` of `num_ranks`; `local_rank` of the `num_local` on this host.

    Of `TF_CONFIG` the last two are 0 and 1 where every process has a host of its own.
    `leader`: rank 0's address, host:port; "" where the launcher's framework keeps it.
    """

    launcher: Launcher
    rank: int
    num_ranks: int
    local_rank: int
    num_local: int
    leader: str = ""


def find_launch(loop: Loop, environ: Mapping[str, str]) -> Launch | None:
    """What the environment says; None for a process that trains alone.

    `torchrun` with one process counts as a launch too; a TF_CONFIG with one does not.

    Raises `LaunchError` if the environment cannot be understood, or another launcher
    than the loop's started several processes, each of which would train alone.
    """
    found = [_of_torchrun(environ), _of_tf_config(environ)]
    for launch in found:
        if launch is not None and launch.launcher == loop.launcher:
            return launch
    for launch in found:
        if launch is not None and launch.num_ranks > 1:
            raise _wrong_launcher(loop, launch.launcher)
    return None


def check_launch(loop: Loop, launch: Launch | None) -> None:
    """Raises `LaunchError` if `loop` cannot be spread over processes that way."""
    if launch is not None and launch.launcher != loop.launcher:
        raise _wrong_launcher(loop, launch.launcher)


def _wrong_launcher(loop: Loop, launcher: Launcher) -> LaunchError:
    names = [name for name, other in LOOPS.items() if other.launcher == launcher]
    hint = f"with {launcher} take one of {', '.join(names)}"
    if loop.launcher is not None:
        hint = f"{loop.name} is started by {loop.launcher}; {hint}"
    return LaunchError(
        f"{loop.name} cannot be spread over processes by {launcher}", hint=hint
    )


def _of_torchrun(environ: Mapping[str, str]) -> Launch | None:
    if "RANK" not in environ and "WORLD_SIZE" not in environ:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    numbers = [environ.get(name, "") for name in names]
    if not all(number.isdecimal() for number in numbers):
        raise LaunchError(
            "the environment is half a launch by torchrun",
            expected=f"numbers in {', '.join(names)}",
            found=", ".join(map(repr, numbers)),
            hint="start the processes by torchrun",
        )
    rank, num_ranks, local_rank, num_local = map(int, numbers)
    return _checked(Launch("torchrun", rank, num_ranks, local_rank, num_local))


def _of_tf_config(environ: Mapping[str, str]) -> Launch | None:
    text = environ.get("TF_CONFIG")
    if not text:
        return None
    try:
        config: Any = json.loads(text)
        cluster, task = config.get("cluster", {}), config.get("task", {})
        addresses = [
            (kind, index, address)
            for kind in _TASKS
            for index, address in enumerate(_list_of(cluster, kind))
        ]
        kind, index = task.get("type"), task.get("index")
        if isinstance(index, str) and index.isascii() and index.isdecimal():
            index = int(index)  # as TensorFlow does
    except (ValueError, AttributeError, TypeError) as error:
        raise LaunchError(
            "TF_CONFIG cannot be understood", found=f"{type(error).__name__}: {error}"
        ) from error
    if type(index) is not int:
        index = None
    if len(addresses) < 2 and kind in (None, *_TASKS):
        return None
    wrong = [one for *_, one in addresses if not _is_address(one)]
    if wrong:
        raise LaunchError(
            "TF_CONFIG has an address that is none",
            expected="host:port",
            found=repr(wrong[0]),
        )
    if len({one for *_, one in addresses}) < len(addresses):
        raise LaunchError(
            "two processes of TF_CONFIG have one address",
            found=", ".join(one for *_, one in addresses),
        )
    places = [place for place, one in enumerate(addresses) if one[:2] == (kind, index)]
    if not places or set(cluster) - set(_TASKS):
        raise LaunchError(
            "TF_CONFIG is not of processes that train alike",
            expected="tasks 'chief' and 'worker', and this process one of them by its "
            "type and index",
            found=f"{', '.join(cluster)}; this is {kind!r} {index!r}",
        )
    host = _host(addresses[places[0]][2])
    local = [place for place, one in enumerate(addresses) if _host(one[2]) == host]
    return _checked(
        Launch(
            "TF_CONFIG",
            places[0],
            len(addresses),
            local.index(places[0]),
            len(local),
            addresses[0][2],
        )
    )


def _list_of(cluster: Any, kind: str) -> list[Any]:
    addresses = cluster.get(kind, [])
    if not isinstance(addresses, list):
        raise TypeError(f"the addresses of {kind!r} are no list: {addresses!r}")
    return addresses


def _is_address(value: object) -> bool:
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    return match is not None and 0 < int(match[1]) < 65536


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _checked(launch: Launch) -> Launch:
    is_sound = (
        0 <= launch.rank < launch.num_ranks
        and 0 <= launch.local_rank < launch.num_local <= launch.num_ranks
    )
    if not is_sound:
        raise LaunchError("ranks of a launch do not go together", found=launch)
    return launch
