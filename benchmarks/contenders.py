"""Who competes in `make bench-data`, on which inputs, and against which peer."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.inputs import TINY, Input
from benchmarks.turns import in_turn

CACHED = "cached"
"""The state of a process whose numba kernels lie in the disk cache."""
COLD = "cold"
"""The state of one whose disk cache is empty, so that a kernel must be compiled."""

_SLOW_NBYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Contender:
    """One file of `benchmarks/<group>s/`, and what it can take.

    `max_nbytes` and `max_rounds` keep slow ones from taking hours; the rounds of
    inputs under a megabyte are not limited. `cold_on`: inputs that it meets in the
    state `COLD` too, "" for none and "*" for all; `cold_rounds` limits those rounds,
    since a compilation takes seconds.
    """

    group: str
    name: str
    takes_gzip: bool = True
    takes_raw: bool = False
    only_images: bool = False
    max_nbytes: int | None = None
    max_rounds: int | None = None
    cold_on: str = ""
    cold_rounds: int | None = None

    @property
    def module(self) -> str:
        """The module to import in the child."""
        return f"benchmarks.{self.group}s.{self.name}"

    @property
    def label(self) -> str:
        """Unique, as `--only` takes it."""
        return f"{self.group}/{self.name}"

    def refusal(self, file: Input) -> str:
        """Why it cannot take `file`; empty if it can."""
        if file.is_gzip and not self.takes_gzip:
            return "does not open gzip files"
        if not file.is_gzip and not self.takes_raw:
            return "no use of a raw file"
        if self.only_images and len(file.shape) != 3:
            return "reads labels only along with images"
        if self.max_nbytes is not None and file.nbytes > self.max_nbytes:
            return f"too slow or too large for {file.nbytes / 1e6:.0f} MB"
        return ""

    def states(self, file: Input) -> tuple[str, ...]:
        """The states in which it is measured on `file`."""
        is_cold = self.cold_on in ("*", file.name)
        return (CACHED, COLD) if is_cold else (CACHED,)

    def takes_part(self, file: Input, state: str, round_number: int) -> bool:
        """Whether it is measured in this round, counted from 0."""
        limit = self.max_rounds if file.nbytes >= _SLOW_NBYTES else None
        if state == COLD:
            limit = self.cold_rounds
        return limit is None or round_number < limit


CONTENDERS = (
    Contender("reader", "ours_auto", takes_raw=True, cold_on="*"),
    Contender("reader", "ours_numba", cold_on=TINY, cold_rounds=1),
    Contender("reader", "ours_zlib"),
    Contender("reader", "numpy_gzip"),
    Contender("reader", "libdeflate"),
    Contender("reader", "idx2numpy", takes_raw=True),
    Contender("reader", "mnist", takes_raw=True),
    Contender(
        "reader",
        "python_mnist",
        only_images=True,
        max_nbytes=100_000_000,
        max_rounds=2,
    ),
    Contender("reader", "numpy_fromfile", takes_gzip=False, takes_raw=True),
    Contender("engine", "ours_kernel", only_images=True, cold_on=TINY, cold_rounds=3),
    Contender("engine", "ours_kernel_new", only_images=True),
    Contender("engine", "libdeflate", only_images=True),
    Contender("engine", "zlib_ng", only_images=True),
    Contender("engine", "isal", only_images=True),
    Contender("engine", "stdlib_zlib", only_images=True),
    Contender("writer", "ours", takes_gzip=False, takes_raw=True),
    Contender("writer", "numpy_tofile", takes_gzip=False, takes_raw=True),
)


def peer(group: str, file_is_gzip: bool) -> str:
    """The name of the contender that the others of a table are compared with."""
    if group == "reader":
        return "numpy_gzip" if file_is_gzip else "numpy_fromfile"
    return {"engine": "libdeflate", "writer": "numpy_tofile"}[group]


def chosen(names: Sequence[str] | None) -> list[Contender]:
    """Those of these names or labels, all for None. Raises ValueError for others."""
    if names is None:
        return list(CONTENDERS)
    known = {c.name for c in CONTENDERS} | {c.label for c in CONTENDERS}
    if others := [name for name in names if name not in known]:
        raise ValueError(
            f"no contender {', '.join(others)}: expected some of "
            + ", ".join(c.label for c in CONTENDERS)
        )
    return [c for c in CONTENDERS if c.name in names or c.label in names]


@dataclass(frozen=True, slots=True)
class DataCase:
    """One process: a contender on an input in a state, in a round counted from 0."""

    contender: Contender
    file: Input
    state: str
    round_number: int


def grid(
    contenders: Sequence[Contender], files: Sequence[Input], num_rounds: int
) -> list[DataCase]:
    """All cases in the order they are run.

    Round by round, input by input, in turn.
    """
    cases = []
    for number in range(num_rounds):
        for file in files:
            entries = [
                DataCase(contender, file, state, number)
                for contender in contenders
                if not contender.refusal(file)
                for state in contender.states(file)
                if contender.takes_part(file, state, number)
            ]
            cases += in_turn(entries, number)
    return cases
