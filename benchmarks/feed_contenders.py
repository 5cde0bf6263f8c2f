"""Who competes in the feeding benchmark, on which data, at which batch sizes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.feed_data import LARGE
from benchmarks.turns import in_turn

WARM = "warm"
"""The file's pages lie in memory, as far as there is room for them."""
DROPPED = "dropped"
"""The system was told to forget the file's pages before the process started."""


@dataclass(frozen=True, slots=True)
class Feeder:
    """One contender. Groups have tables of their own:

    feed: `benchmarks/feeders/<name>.py` on data in memory. augment: the same, with
    augmentation. large: the same on data read from the disk. prefetch: the cost of a
    batch with and without a thread, next to a consumer that computes. share: data's
    share of an epoch of training in the loop `name`. order: the order of an epoch,
    by `benchmarks.order_bench`.

    `max_rounds` keeps slow ones from taking hours, `max_batches` ends their epochs
    early. `note` is what a reader of its figures should know.
    """

    group: str
    name: str
    max_rounds: int | None = None
    max_batches: int | None = None
    note: str = ""

    @property
    def module(self) -> str:
        """The module to import in the child."""
        return f"benchmarks.feeders.{self.name}"

    @property
    def label(self) -> str:
        """Unique, as `--only` takes it."""
        return f"{self.group}/{self.name}"


KERNEL = "kernel"
BOUND = "memcpy"
LOOPS = ("torch", "tensorflow")
WARM_UP = -1
"""The round of a run that is not recorded."""

GOAL_BATCH_SIZE = 128
LARGE_BATCHES = 200
SHARE_EPOCHS = 3

FEEDERS = (
    *(
        Feeder("feed", name)
        for name in (
            BOUND,
            KERNEL,
            "ours_numpy",
            "ours_fresh",
            "ours_prefetch",
            "ours_torch",
            "ours_torch_loader",
            "ours_torch_examples",
            "ours_tf_ring",
            "ours_tf_data",
            "ours_jax",
            "slice_numpy",
            "slice_torch",
            "torch_batch_sampler",
            "torch_tensor_dataset",
        )
    ),
    *(
        Feeder("feed", f"ours_{name}_resident", max_rounds=2)
        for name in ("torch", "tf", "jax")
    ),
    Feeder("feed", "torch_tensor_dataset_uint8", max_rounds=2),
    Feeder("feed", "tf_tutorial", note="mixes 10,000 neighbours at a time, not all"),
    Feeder("feed", "tf_full_shuffle", max_rounds=2),
    Feeder("feed", "tf_indexed", max_rounds=2),
    *(Feeder("augment", name) for name in ("ours_affine", "ours_augmented")),
    Feeder(
        "feed",
        "torch_per_example",
        max_rounds=1,
        max_batches=100,
        note="without torchvision's PIL and ToTensor, which take longer",
    ),
    Feeder("feed", "torch_per_example_2", max_rounds=1),
    Feeder("feed", "grain", max_rounds=1),
    Feeder("feed", "grain_serial", max_rounds=1),
    *(
        Feeder("large", name, max_batches=LARGE_BATCHES)
        for name in (
            "ours_numpy",
            "ours_numpy_random",
            "ours_torch",
            "ours_tf_ring",
            "slice_numpy",
            "torch_batch_sampler",
            "torch_tensor_dataset_uint8",
            "tf_indexed",
            "grain_serial",
        )
    ),
    *(Feeder("prefetch", name) for name in ("plain", "augmented")),
    *(Feeder("share", name) for name in LOOPS),
    Feeder("order", "permutation"),
)


def chosen(names: Sequence[str] | None) -> list[Feeder]:
    """Those of these names, groups or labels, all for None.

    Raises ValueError for others.
    """
    if names is None:
        return list(FEEDERS)
    known = {word for f in FEEDERS for word in (f.name, f.group, f.label)}
    if others := [name for name in names if name not in known]:
        raise ValueError(
            f"no contender {', '.join(others)}: expected some of "
            + ", ".join(f.label for f in FEEDERS)
        )
    return [f for f in FEEDERS if {f.name, f.group, f.label} & set(names)]


@dataclass(frozen=True, slots=True)
class FeedCase:
    """One process: a contender on data at some batch sizes, in a round from 0 on."""

    feeder: Feeder
    data: str
    batch_sizes: tuple[int, ...]
    state: str
    round_number: int

    @property
    def is_warm_up(self) -> bool:
        """Whether its rows are not kept."""
        return self.round_number == WARM_UP


def input_name(data: str, batch_size: int) -> str:
    """Names the table, and is the `input` of its rows' keys."""
    return f"{data}, batches of {batch_size}"


def grid(
    feeders: Sequence[Feeder], data: str, batch_sizes: Sequence[int], num_rounds: int
) -> list[FeedCase]:
    """All cases in the order they are run: round by round, in turn, sizes too.

    Training has the batch size of its recipe, data on the disk the one of the goals;
    both come at the end of a round.
    """
    last = ("share", "order", "large")
    cases = []
    for number in range(num_rounds):
        sizes = tuple(in_turn(batch_sizes, number))
        first = [f for f in feeders if f.group not in last]
        cases += _turn(first, data, sizes, WARM, number)
        rest = [f for f in feeders if f.group in ("share", "order")]
        cases += _turn(rest, data, (GOAL_BATCH_SIZE,), WARM, number)
        for state in (WARM, DROPPED):
            large = [f for f in feeders if f.group == "large"]
            cases += _turn(large, LARGE, (GOAL_BATCH_SIZE,), state, number)
    return cases


def _turn(
    feeders: Sequence[Feeder],
    data: str,
    sizes: tuple[int, ...],
    state: str,
    number: int,
) -> list[FeedCase]:
    return [
        FeedCase(feeder, data, sizes, state, number)
        for feeder in in_turn(feeders, number)
        if feeder.max_rounds is None or number < feeder.max_rounds
    ]


def warm_ups(cases: Sequence[FeedCase]) -> list[FeedCase]:
    """One run of ours in each group: it leaves compiled kernels on the disk."""
    first = {
        case.feeder.group: case
        for case in reversed(cases)
        if case.feeder.name.startswith("ours")
    }
    return [replace(case, round_number=WARM_UP) for case in first.values()]
