"""The law of data parallel training: any number of processes trains what one does.

`python -m tests.ranks.law` prints, for each recipe, loop, precision and number of
processes, whether the global batches were equal and how far losses were apart.

In float32 a rounding can move a number across the kink of a ReLU; from there on two runs
part, be they of one process or of many. So a float32 line has beside it, as its floor,
how far one process in float32 is from itself in float64.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.ranks.launching import alone, together

NUM_STEPS = 50
LIMITS = {"float32": 1e-5, "float64": 1e-11}


@dataclass(frozen=True)
class Line:
    """One comparison. `loss_difference`: the largest relative one of the first steps.

    `floor`: that of one process in this precision against itself in float64.
    """

    recipe: str
    loop: str
    precision: str
    num_ranks: int
    batches_equal: bool
    loss_difference: float
    floor: float
    accuracies: tuple[float, float]


def compare(
    loop: str, runs: Sequence[dict[str, Any]], world_sizes: Sequence[int]
) -> Iterator[Line]:
    """Lines of all runs at each world size; one launch for all of the runs.

    Each is trained in float32 and in float64.
    """
    runs = [{**run, "loop": loop, "precision": p} for run in runs for p in LIMITS]
    for run in runs:
        assert run["epochs"] * _num_steps(run) >= NUM_STEPS
    wanted = alone(runs)
    for num_ranks in world_sizes:
        found = together(loop, num_ranks, runs)
        for place, (one, many) in enumerate(zip(wanted, found, strict=True)):
            # The float64 run stands beside the float32 one.
            yield _line(one, many, wanted[place | 1])


def _num_steps(run: dict[str, Any]) -> int:
    rows: int = run.get("num_train") or run["num_glyphs"]
    return -(-rows // int(run["batch_size"]))


def _line(one: dict[str, Any], many: dict[str, Any], exact: dict[str, Any]) -> Line:
    assert len(one["losses"]) == len(many["losses"])
    return Line(
        one["recipe"],
        one["loop"],
        one["precision"],
        many["num_ranks"],
        one["digests"] == many["digests"],
        _apart(many, one),
        _apart(one, exact),
        (one["metrics"]["accuracy"], many["metrics"]["accuracy"]),
    )


def _apart(one: dict[str, Any], other: dict[str, Any]) -> float:
    first, second = (np.array(x["losses"])[:NUM_STEPS] for x in (one, other))
    return float(np.max(np.abs(first - second) / np.abs(second)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loops", default="torch-eager,torch-compile,tf-function")
    parser.add_argument(
        "--recipes", default="mlp-3x100,cnn-5x5,mlp-512,mlp-128x2,mlp-dropout"
    )
    parser.add_argument("--ranks", default="1,2,3,4")
    args = parser.parse_args()
    runs = [
        # 21 steps of 128 an epoch, and a last one of 37.
        {
            "named_recipe": recipe,
            "num_glyphs": 128 * 20 + 37,
            "batch_size": 128,
            "epochs": 3,
        }
        for recipe in args.recipes.split(",")
    ]
    print(
        "| recipe | loop | precision | processes | batches | loss | floor | accuracy |"
    )
    print("| --- | --- | --- | --: | --- | --: | --: | --- |")
    for loop in args.loops.split(","):
        sizes = [int(size) for size in args.ranks.split(",")]
        for line in compare(loop, runs, sizes if loop != "tf-function" else sizes[1:]):
            batches = "equal" if line.batches_equal else "DIFFER"
            first, second = line.accuracies
            print(
                f"| {line.recipe} | {line.loop} | {line.precision} | {line.num_ranks} | "
                f"{batches} | {line.loss_difference:.1e} | {line.floor:.1e} | {first:.4f}, {second:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
