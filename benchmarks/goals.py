"""What the reader is meant to reach, and whether a run's rows say that it does. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.contenders import CACHED, COLD
from benchmarks.data_results import Key, Results
from benchmarks.inputs import MNIST_IMAGES, MNIST_RAW, NAMES, TINY
from benchmarks.stats import PairedRatio


@dataclass(frozen=True, slots=True)
class Goal:
    """Ours against a peer's figure, or against a constant number of units.

    `at_least` True asks for a speed: the peer's time over ours must reach `limit`.
    False asks for a cost: ours over the peer's, or over `unit`, must not exceed it.
    `unit` is "payload" for the size of what is read.
    """

    text: str
    limit: float
    ours: Key
    figure: str
    peer: Key | None = None
    at_least: bool = False
    unit: float | str = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ratio` None: not measured."""

    goal: Goal
    ratio: PairedRatio | None

    @property
    def is_met(self) -> bool:
        """By the ratio itself, wherever the ends of its interval lie."""
        if self.ratio is None:
            return False
        if self.goal.at_least:
            return self.ratio.ratio >= self.goal.limit
        return self.ratio.ratio <= self.goal.limit

    @property
    def is_certain(self) -> bool:
        """Whether the whole interval lies on the ratio's side of the limit."""
        if self.ratio is None:
            return False
        limit = self.goal.limit
        return not self.ratio.low <= limit <= self.ratio.high or (
            self.ratio.low == self.ratio.high
        )

    @property
    def word(self) -> str:
        """As the table says it."""
        if self.ratio is None:
            return "not measured"
        word = "met" if self.is_met else "not met"
        return word if self.is_certain else f"{word}, within noise"


def judge(goals: Sequence[Goal], results: Results) -> list[Verdict]:
    """One verdict a goal, in their order."""
    return [Verdict(goal, _ratio(goal, results)) for goal in goals]


def _ratio(goal: Goal, results: Results) -> PairedRatio | None:
    if goal.peer is None:
        if not results.series(goal.ours, goal.figure):
            return None
        size = goal.unit == "payload"
        unit = results.nbytes(goal.ours) if size else float(goal.unit)
        return results.in_units(goal.ours, goal.figure, unit)
    if goal.at_least:
        return results.ratio(goal.ours, goal.peer, goal.figure)
    return results.ratio(goal.peer, goal.ours, goal.figure)


def _reader(name: str, file: str = MNIST_IMAGES, state: str = CACHED) -> Key:
    return Key("reader", name, file, state)


def _engine(name: str, file: str = MNIST_IMAGES, state: str = CACHED) -> Key:
    return Key("engine", name, file, state)


def _never_slower() -> list[Goal]:
    states = {CACHED: "kernel in the disk cache", COLD: "nothing compiled yet"}
    figures = {"first_s": "first read", "fresh_s": "imports and first read"}
    return [
        Goal(
            f"fresh process, auto, {words}: {figures[figure]}: {name} / numpy_gzip",
            1.0,
            _reader("ours_auto", name, state),
            figure,
            peer=_reader("numpy_gzip", name),
        )
        for name in NAMES
        if name.endswith(".gz")
        for figure in figures
        for state, words in states.items()
    ]


def _file_to_array(name: str, words: str) -> list[Goal]:
    ours = _reader(name)
    what = f"gzip file to verified array, warm, {words}"
    return [
        Goal(
            f"{what}: speed / {against}'s",
            limit,
            ours,
            "warm_s",
            peer=_reader(against),
            at_least=True,
        )
        for against, limit in (("libdeflate", 1.25), ("numpy_gzip", 3.5))
    ] + [
        Goal(
            f"{what}: peak memory / payload", 1.05, ours, "peak_nbytes", unit="payload"
        )
    ]


GOALS = (
    Goal(
        "kernel alone, ready buffer, one thread: speed / libdeflate's",
        1.0,
        _engine("ours_kernel"),
        "warm_s",
        peer=_engine("libdeflate"),
        at_least=True,
    ),
    *_file_to_array("ours_numba", "kernel loaded"),
    *_file_to_array("ours_auto", "auto's choice"),
    Goal(
        "raw file to array, warm: time / np.fromfile's",
        1.1,
        _reader("ours_auto", MNIST_RAW),
        "warm_s",
        peer=_reader("numpy_fromfile", MNIST_RAW),
    ),
    Goal(
        "writing 47 MB raw, warm: time / ndarray.tofile's",
        1.2,
        Key("writer", "ours", MNIST_RAW, CACHED),
        "warm_s",
        peer=Key("writer", "numpy_tofile", MNIST_RAW, CACHED),
    ),
    Goal(
        "first compilation, without importing numba: seconds",
        6.0,
        _engine("ours_kernel", TINY, COLD),
        "first_s",
    ),
    Goal(
        "kernel from the disk cache, without importing numba: seconds",
        0.4,
        _engine("ours_kernel", TINY),
        "first_s",
    ),
    Goal(
        "the same and importing numba: seconds (for comparison)",
        0.4,
        _engine("ours_kernel", TINY),
        "fresh_s",
    ),
    *_never_slower(),
)
