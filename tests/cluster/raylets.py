"""Several raylets on this machine's loopback, in a process of their own.

Answers with the address, then to lines: `busy` with the numbers of nodes at work, `lose
N` after killing node N. Answers begin with `ANSWER`, as Ray prints what it likes between
them. Ends with its input.
"""

import os
import sys
from typing import Any

import ray
from ray.cluster_utils import Cluster

ANSWER = "answer: "
STORE_NBYTES = 100 * 2**20


def main() -> int:
    """A raylet for each number given: that of its CPUs, to which it is bound, so that
    other numbers are other fingerprints. Ray's variables are the caller's to set."""
    all_cpus = sorted(os.sched_getaffinity(0))
    cluster = Cluster()
    options = {"object_store_memory": STORE_NBYTES, "include_dashboard": False}
    # The head has no CPU to give, so that any of the others may be lost.
    cluster.add_node(num_cpus=0, **options)
    nodes = []
    for number in map(int, sys.argv[1:]):
        os.sched_setaffinity(0, all_cpus[:number])
        nodes.append(cluster.add_node(num_cpus=number, **options))
    os.sched_setaffinity(0, all_cpus)
    cluster.wait_for_nodes()
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    answer(cluster.address)
    try:
        for line in sys.stdin:
            match line.split():
                case ["lose", number]:
                    cluster.remove_node(nodes[int(number)], allow_graceful=False)
                    answer("lost")
                case ["busy"]:
                    answer(" ".join(map(str, _busy(nodes))))
    finally:
        ray.shutdown()
        cluster.shutdown()
    return 0


def answer(text: str) -> None:
    print(f"\n{ANSWER}{text}", flush=True)


def _busy(nodes: list[Any]) -> list[int]:
    """Which nodes' CPUs are all taken."""
    free = ray._private.state.available_resources_per_node()
    return [
        number
        for number, node in enumerate(nodes)
        if node.node_id in free and not free[node.node_id].get("CPU")
    ]


if __name__ == "__main__":
    sys.exit(main())
