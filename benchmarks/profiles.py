"""What is run where nothing else is asked for."""

from dataclasses import dataclass
from typing import Literal, get_args

from benchmarks.contest.entry import AXES, Axis

ProfileName = Literal["quick", "full"]
PROFILE_NAMES: tuple[str, ...] = get_args(ProfileName)


@dataclass(frozen=True, slots=True)
class Profile:
    """`epochs`: by recipe where they are not its own. `limit_s`: for the main run, which
    `axes` follow."""

    recipes: tuple[str, ...]
    loops: tuple[str, ...]
    epochs: dict[str, int]
    limit_s: float
    width: float
    axes: tuple[Axis, ...] = ()


PROFILES: dict[str, Profile] = {
    # Fewer epochs than recipes have, so that there is time for enough processes.
    "quick": Profile(
        recipes=("mlp-3x100", "cnn-5x5"),
        loops=("torch-eager", "tf-function"),
        epochs={"mlp-3x100": 3, "cnn-5x5": 1},
        limit_s=330.0,
        width=0.03,
    ),
    "full": Profile(
        recipes=("mlp-3x100", "cnn-5x5", "mlp-512", "mlp-128x2", "mlp-dropout"),
        loops=("torch-eager", "torch-compile", "tf-function", "keras-tf", "jax-jit"),
        epochs={},
        limit_s=5400.0,
        width=0.02,
        axes=AXES,
    ),
}

FRAMEWORK_LOOPS = {
    "torch": "torch-eager",
    "tensorflow": "tf-function",
    "keras": "keras-tf",
    "jax": "jax-jit",
}
"""The loop that stands for a framework where only that is named: the quickest without a
compiler's waiting time, for Keras the one that people use."""

AXIS_VALUES: dict[str, tuple[float, ...]] = {
    "batch_size": (32, 128, 512),
    "num_threads": (1, 2, 4, 8),
    "width": (0.25, 1, 4),
}

AXIS_RECIPE = "mlp-3x100"
AXIS_EPOCHS = 2
