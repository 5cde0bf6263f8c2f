"""How a process finds out that it is one of several."""

import json
from typing import Any

import pytest

from trainers.errors import LaunchError
from trainers.launch import Launch, find_launch
from trainers.loops import LOOPS, find_loop
from trainers.loops.ranks import Ranks
from trainers.options import RunOptions
from trainers.recipes import RECIPES

TORCH, TF = find_loop("torch-eager"), find_loop("tf-function")


def torchrun(rank: object, size: object, local: object, num: object) -> dict[str, str]:
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    return dict(zip(names, map(str, (rank, size, local, num)), strict=True))


def tf_config(cluster: Any, kind: str, index: Any) -> dict[str, str]:
    task = {"type": kind, "index": index}
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def test_alone() -> None:
    for name in LOOPS:
        assert find_launch(find_loop(name), {}) is None
    assert find_launch(TF, {"TF_CONFIG": ""}) is None
    assert find_launch(TF, {"TF_CONFIG": "{}"}) is None


def test_torchrun() -> None:
    launch = find_launch(TORCH, torchrun(5, 8, 1, 4))
    assert launch == Launch("torchrun", 5, 8, 1, 4)
    assert find_launch(TORCH, torchrun(0, 1, 0, 1)) == Launch("torchrun", 0, 1, 0, 1)


def test_tf_config_of_two_hosts_and_a_chief() -> None:
    cluster = {"worker": ["b:1", "a:2"], "chief": ["a:1"]}
    found = [
        find_launch(TF, tf_config(cluster, kind, index))
        for kind, index in (("chief", 0), ("worker", 0), ("worker", 1))
    ]
    assert found == [
        Launch("TF_CONFIG", 0, 3, 0, 2, "a:1"),
        Launch("TF_CONFIG", 1, 3, 0, 1, "a:1"),
        Launch("TF_CONFIG", 2, 3, 1, 2, "a:1"),
    ]


def test_a_tf_config_of_one_is_alone() -> None:
    one = tf_config({"worker": ["a:1"]}, "worker", 0)
    assert find_launch(TF, one) is None
    assert find_launch(TORCH, one) is None


@pytest.mark.parametrize(
    "environ",
    [
        {"RANK": "0"},
        {"WORLD_SIZE": "2"},
        torchrun("x", 2, 0, 1),
        torchrun(-1, 2, 0, 1),
        torchrun(2, 2, 0, 1),
        torchrun(0, 2, 1, 1),
        torchrun(0, 2, 0, 3),
        {"TF_CONFIG": "{"},
        {"TF_CONFIG": "[]"},
        {"TF_CONFIG": '{"cluster": 3}'},
        tf_config({"worker": ["a:1", "b:1"]}, "worker", 2),
        tf_config({"worker": ["a:1", "b:1"]}, "worker", "x"),
        tf_config({"worker": ["a:1", "b:1"]}, "evaluator", 0),
        tf_config({"worker": ["a:1", "b:1"], "ps": ["c:1"]}, "worker", 0),
        tf_config({"worker": ["a:1", "b:1"]}, "worker", None),
        {"TF_CONFIG": '{"cluster": {"worker": ["a:1", "b:1"]}}'},
        tf_config({"worker": "a:1"}, "worker", 0),
        tf_config({"worker": ["a", "b:1"]}, "worker", 0),
        tf_config({"worker": ["a:1", "b:99999"]}, "worker", 0),
        tf_config({"worker": ["a:1", "b:0"]}, "worker", 0),
        tf_config({"worker": ["a:1", 5]}, "worker", 0),
    ],
)
@pytest.mark.parametrize("loop", [TORCH, TF])
def test_half_a_launch_is_refused(environ: dict[str, str], loop: Any) -> None:
    with pytest.raises(LaunchError):
        find_launch(loop, environ)


def test_no_loop_trains_alone_beside_itself() -> None:
    """Several processes, and a loop that knows nothing of that launcher."""
    two = tf_config({"worker": ["a:1", "b:1"]}, "worker", 0)
    for name, loop in LOOPS.items():
        for environ, launcher in (
            (torchrun(0, 2, 0, 2), "torchrun"),
            (two, "TF_CONFIG"),
        ):
            if loop.launcher == launcher:
                assert find_launch(loop, environ) is not None
                continue
            with pytest.raises(LaunchError, match=f"{name} cannot be spread"):
                find_launch(loop, environ)
    # Both are there: each loop takes its own.
    both = {**two, **torchrun(1, 2, 1, 2)}
    assert find_launch(TORCH, both) == Launch("torchrun", 1, 2, 1, 2)
    assert find_launch(TF, both) == Launch("TF_CONFIG", 0, 2, 0, 1, "a:1")


def test_options_take_a_launch_of_their_loop() -> None:
    launch = Launch("torchrun", 0, 2, 0, 2)
    recipe = RECIPES["mlp-3x100"]
    assert RunOptions(recipe=recipe, loop="torch-eager", launch=launch).launch == launch
    with pytest.raises(LaunchError, match="tf-function is started by TF_CONFIG"):
        RunOptions(recipe=recipe, loop="tf-function", launch=launch)
    with pytest.raises(ValueError, match="timeout_s"):
        RunOptions(recipe=recipe, loop="torch-eager", timeout_s=0)


@pytest.mark.parametrize("size", [1, 5, 16, 97, 100])
@pytest.mark.parametrize("num_ranks", [1, 3, 4])
def test_ranks_cut_as_plans_do(size: int, num_ranks: int) -> None:
    from idxdata import Plan
    from idxdata.errors import PlanError

    for batch_size in (4, 16, 19):
        try:
            plan = Plan(size, batch_size, seed=1, num_ranks=num_ranks)
        except PlanError:
            continue
        for rank in range(num_ranks):
            ranks = Ranks(rank, num_ranks, rank, batch_size, size, 1.0)
            part = plan.with_rank(rank, num_ranks)
            assert ranks.num_steps == plan.num_steps
            for step in range(plan.num_steps):
                whole = plan.global_batch(1, step)
                later = step + 3 * plan.num_steps  # in epoch 3
                assert ranks.count(later) == len(whole)
                first = ranks.first_row(later)
                rows = part.indices(1, step)
                assert whole[first : first + len(rows)].tolist() == rows.tolist()
