"""What feeding is meant to reach, of `benchmarks.goals`' kinds."""

from collections.abc import Iterable

from benchmarks import order_bench
from benchmarks.data_results import Key
from benchmarks.feed_contenders import (
    BOUND,
    GOAL_BATCH_SIZE,
    KERNEL,
    LOOPS,
    WARM,
    input_name,
)
from benchmarks.goals import Goal


def goals(data: str) -> list[Goal]:
    """On that data, at the batch size of the goals."""
    return [
        _time(KERNEL, BOUND, 1.7, data, "memcpy of its output"),
        _time("ours_torch", KERNEL, 1.7, data, "the kernel's"),
        _time("ours_torch_loader", KERNEL, 1.7, data, "the kernel's"),
        _time("ours_tf_ring", KERNEL, 1.2, data, "the kernel's"),
        _time("ours_tf_data", KERNEL, 8.0, data, "the kernel's"),
        *(
            Goal(
                f"data's share of an epoch of mlp-3x100, {loop}",
                0.06,
                _key("share", loop, data),
                "share",
            )
            for loop in LOOPS
        ),
        Goal(
            "order of 8.1 M examples: speed / np.random.Generator.permutation's",
            8.0,
            _order(order_bench.OURS),
            "call_s",
            peer=_order(order_bench.NUMPY),
            at_least=True,
        ),
    ]


def measured(found: Iterable[Goal], keys: Iterable[Key]) -> list[Goal]:
    """Those of which our side was run."""
    ours = set(keys)
    return [goal for goal in found if goal.ours in ours]


def _time(ours: str, peer: str, limit: float, data: str, words: str) -> Goal:
    return Goal(
        f"batch of {GOAL_BATCH_SIZE}, {ours}: time / {words}",
        limit,
        _key("feed", ours, data),
        "batch_s",
        peer=_key("feed", peer, data),
    )


def _order(name: str) -> Key:
    return Key(order_bench.ORDER, name, "8,100,000", WARM)


def _key(group: str, name: str, data: str) -> Key:
    return Key(group, name, input_name(data, GOAL_BATCH_SIZE), WARM)
