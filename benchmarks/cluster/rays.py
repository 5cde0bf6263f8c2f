"""Ray, the only file that names it: nodes, rounds as tasks, what comes back."""

import importlib.util
import logging
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.cluster.code import copy_code
from benchmarks.cluster.errors import ClusterError
from benchmarks.cluster.hosts import Host, Node, Probe
from benchmarks.cluster.messages import (
    Broken,
    Event,
    Lost,
    Message,
    Played,
    Ticket,
)
from benchmarks.cluster.work import ProbeOrder, RoundOrder, play, probe
from idxdata.cpus import usable_cpus
from idxdata.errors import MissingFrameworkError
from trainers.environment import variables

LOCAL = "local"
LOOPBACK = "127.0.0.1"

_ANSWER_S = 10.0
_MOMENT_S = 1.0
_STORE_NBYTES = 100 * 2**20
_LOCAL_VARIABLES = {
    # Without it Ray takes the machine's outer address for 127.0.0.1, and listens there.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
_QUIET = {"log_to_driver": False, "logging_level": logging.ERROR}


def require_ray() -> None:
    """Raises `MissingFrameworkError` where Ray is not installed. Does not import it."""
    if importlib.util.find_spec("ray") is None:
        raise MissingFrameworkError("ray", "cluster")


@contextmanager
def connected(address: str) -> Iterator["RayPool"]:
    """Ray at `address`, for as long as the block runs: `local` starts one on loopback
    and stops it, anything else is as Ray has it. Rounds that run at the end are stopped.

    Raises `MissingFrameworkError`, and `ClusterError` if nothing answers.
    """
    with ExitStack() as stack:
        if address == LOCAL:
            stack.enter_context(variables(_LOCAL_VARIABLES))
        else:
            _check_answer(address)
        ray = _ray()
        options = _local_options() if address == LOCAL else _options(address, stack)
        try:
            ray.init(**options)
        except (OSError, RuntimeError, ValueError, AssertionError) as error:
            raise ClusterError(
                "cannot use a Ray cluster",
                expected=f"one at {address}",
                found=error,
                hint="one that wants a token needs RAY_AUTH_MODE=token here",
            ) from error
        stack.callback(ray.shutdown)
        if address == LOCAL:
            _check_loopback(ray)
        pool = RayPool(ray)
        stack.callback(pool.close)
        yield pool


class RayPool:
    """Nodes with CPUs are what rounds are played on; each takes all of its node's.

    Ray tries nothing again by itself (`max_retries=0`): where a lost round is played
    next is the schedule's to say, which knows machines and hosts.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._task = ray.remote(_play)
        self._running: dict[Any, tuple[Ticket, Node]] = {}
        self._num_begun = 0
        self._losses: dict[str, int] = {}
        self._board = self._new_board()

    def nodes(self) -> list[Node]:
        """Alive, with CPUs; the head node first."""
        found = [
            Node(
                one["NodeID"],
                one["NodeManagerAddress"],
                one["Resources"]["CPU"],
                one["Resources"].get("GPU", 0.0),
            )
            for one in self._alive()
            if one["Resources"].get("CPU", 0) > 0
        ]
        if not found:
            raise ClusterError("no node of the cluster has a CPU to give")
        return found

    def probe(self, nodes: Sequence[Node], order: ProbeOrder) -> list[Probe]:
        """One for each node; raises `ClusterError` where that fails."""
        task = self._ray.remote(probe)
        refs = [
            task.options(num_cpus=min(1.0, node.num_cpus), **self._placed(node)).remote(
                order
            )
            for node in nodes
        ]
        found = []
        for node, ref in zip(nodes, refs, strict=True):
            try:
                found.append(self._ray.get(ref))
            except self._ray.exceptions.RayError as error:
                raise ClusterError(
                    f"host at {node.address}: cannot be used: {_line(error)}"
                ) from error
        return found

    def alive(self, hosts: Sequence[Host]) -> list[Host]:
        """Those with a node that is."""
        ids = {one["NodeID"] for one in self._alive()}
        return [host for host in hosts if any(node.id in ids for node in host.nodes)]

    def start(self, host: Host, order: RoundOrder) -> Ticket:
        """On the host's node that lost the fewest rounds of those that are alive."""
        ids = {one["NodeID"] for one in self._alive()}
        node = min(
            host.nodes, key=lambda one: (one.id not in ids, self._losses.get(one.id, 0))
        )
        task = self._task.options(
            name=f"{order.entries[0].group}, round {order.setting.number + 1}",
            num_cpus=node.num_cpus,
            num_gpus=node.num_gpus,
            **self._placed(node),
        )
        self._num_begun += 1
        self._running[task.remote(order, self._board)] = self._num_begun, node
        return self._num_begun

    def wait(self) -> list[Event]:
        """Messages first, then what has ended."""
        ended, _ = self._ray.wait(list(self._running), timeout=_MOMENT_S)
        events: list[Event] = [*self._messages()]
        return events + [self._result(ref) for ref in ended]

    def close(self) -> None:
        """Stop what runs, and the processes below it."""
        errors = self._ray.exceptions.RayError
        for ref in self._running:
            with suppress(errors, OSError):
                self._ray.cancel(ref, force=True)
        for ref in self._running:
            with suppress(errors, OSError):
                self._ray.get(ref, timeout=5)

    def _result(self, ref: Any) -> Event:
        ticket, node = self._running.pop(ref)
        errors = self._ray.exceptions
        try:
            return Played(ticket, self._ray.get(ref))
        except (errors.RayTaskError, errors.RuntimeEnvSetupError) as error:
            return Broken(ticket, _line(error))
        except errors.RayError as error:
            self._losses[node.id] = self._losses.get(node.id, 0) + 1
            return Lost(ticket, _line(error))

    def _messages(self) -> list[Message]:
        """Those that are for display only: without them a run goes on."""
        try:
            found: list[Message] = self._ray.get(self._board.take.remote())
        except self._ray.exceptions.RayError:
            self._board = self._new_board()
            return []
        return found

    def _new_board(self) -> Any:
        """An actor on the head node, or wherever there is room, without a CPU of its own."""
        heads = [
            one["NodeID"]
            for one in self._alive()
            if "node:__internal_head__" in one["Resources"]
        ]
        placed = (
            {"scheduling_strategy": self._affinity(heads[0], soft=True)}
            if heads
            else {}
        )
        return self._ray.remote(_Board).options(num_cpus=0, **placed).remote()

    def _alive(self) -> list[dict[str, Any]]:
        return [one for one in self._ray.nodes() if one["Alive"]]

    def _placed(self, node: Node) -> dict[str, Any]:
        return {
            "scheduling_strategy": self._affinity(node.id, soft=False),
            "max_retries": 0,
        }

    def _affinity(self, node: str, *, soft: bool) -> Any:
        strategies = self._ray.util.scheduling_strategies
        return strategies.NodeAffinitySchedulingStrategy(node, soft=soft)


class _Board:
    """Where hosts leave messages, and the driver takes them."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    def post(self, message: Message) -> None:
        """One more."""
        self._messages.append(message)

    def take(self) -> list[Message]:
        """All, which are then gone."""
        found, self._messages = self._messages, []
        return found


def _play(order: RoundOrder, board: Any) -> list[dict[str, Any]]:
    return play(order, lambda message: board.post.remote(message))


def _ray() -> Any:
    try:
        import ray
        import ray.util.scheduling_strategies
    except ImportError as error:
        raise MissingFrameworkError("ray", "cluster") from error
    return ray


def _local_options() -> dict[str, Any]:
    """Workers import the code where this process has it."""
    return _QUIET | {
        "address": LOCAL,
        "num_cpus": usable_cpus(),
        "include_dashboard": False,
        "object_store_memory": _STORE_NBYTES,
        "_node_ip_address": LOOPBACK,
    }


def _options(address: str, stack: ExitStack) -> dict[str, Any]:
    """Workers get a copy of the code, which Ray takes along."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    copy_code(folder)
    return _QUIET | {"address": address, "runtime_env": {"working_dir": str(folder)}}


def _check_answer(address: str) -> None:
    """Raises `ClusterError` if nobody listens there, which Ray finds after minutes."""
    found = re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d+)", address)
    if found is None:
        return  # a name that Ray may know, such as auto
    try:
        socket.create_connection((found[1], int(found[2])), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(
            "no Ray cluster answers", expected=f"one at {address}", found=error
        ) from error


def _check_loopback(ray: Any) -> None:
    (node,) = ray.nodes()
    if node["NodeManagerAddress"] != LOOPBACK:
        raise ClusterError(
            "Ray would listen to the network",
            expected=LOOPBACK,
            found=node["NodeManagerAddress"],
            hint="it was imported before RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER was set to 0",
        )


def _line(error: BaseException) -> str:
    """What an error says, without the traceback that Ray puts before it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return f"{type(cause).__name__}: {cause}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
