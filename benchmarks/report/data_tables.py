"""Figures of the data benchmark as rows of text."""

from collections.abc import Sequence

from benchmarks.contenders import CACHED, COLD, Contender, peer
from benchmarks.data_results import Key, Results
from benchmarks.inputs import Input
from benchmarks.report.cells import median, ratio_text, span
from benchmarks.stats import spread

DATA_COLUMNS = (
    "contender",
    "fresh ms",
    "x peer",
    "warm ms",
    "x peer",
    "MB/s",
    "CPUs",
    "peak MB",
    "process ms",
)

LEGEND = (
    "fresh: import of the contender and its first call in a new process, after NumPy's "
    "import; process: from the start of the process to the end of that call. warm: later "
    "calls in the process (each process's median). x peer: times as fast as the peer (*), "
    "with 95 % interval, paired by round. CPUs: CPU time over wall time when warm. peak: of "
    "a warm call, over what the process held before. Times: median (least-most) over rounds."
)


def data_row(results: Results, key: Key) -> tuple[str, ...]:
    """One contender on one input in one state."""
    against = _peer_key(key)
    name = f"{key.contender}, {key.state}" if key.state == COLD else key.contender
    if not results.series(key, "fresh_s"):
        return (name, "failed", *[""] * (len(DATA_COLUMNS) - 2))
    mark = "*" if key == against else ""
    warm = list(results.series(key, "warm_s").values())
    return (
        name + mark,
        span(results, key, "fresh_s", 1e3),
        _speed(results, key, against, "fresh_s"),
        span(results, key, "warm_s", 1e3),
        _speed(results, key, against, "warm_s"),
        f"{results.nbytes(key) / spread(warm).median / 1e6:.0f}" if warm else "",
        median(results, key, "warm_cpu_share", 1, 2),
        median(results, key, "peak_nbytes", 1e-6, 1),
        median(results, key, "process_s", 1e3, 0),
    )


def sections(results: Results) -> dict[tuple[str, str], list[Key]]:
    """The keys of each table, by input and group."""
    found: dict[tuple[str, str], list[Key]] = {}
    for key in results.keys:
        found.setdefault((key.input, key.group), []).append(key)
    return {where: sorted(keys, key=_place) for where, keys in found.items()}


def failures(results: Results) -> list[str]:
    """One line for each key of which a run failed, with its first message."""
    return [
        f"{key.group} {key.contender} on {key.input}, {key.state}: {error}"
        for key in results.keys
        if (error := results.error(key))
    ]


def absences(contenders: Sequence[Contender], group: str, file: Input) -> list[str]:
    """One line for each reason why a contender of the group is not in a table."""
    found: dict[str, list[str]] = {}
    for contender in contenders:
        if contender.group == group and (reason := contender.refusal(file)):
            found.setdefault(reason, []).append(contender.name)
    return [f"not here: {', '.join(names)} ({why})" for why, names in found.items()]


def _place(key: Key) -> tuple[bool, str, str]:
    return (not key.contender.startswith("ours"), key.contender, key.state)


def _peer_key(key: Key) -> Key:
    name = peer(key.group, key.input.endswith(".gz"))
    return Key(key.group, name, key.input, CACHED)


def _speed(results: Results, key: Key, against: Key, figure: str) -> str:
    return ratio_text(None if key == against else results.ratio(key, against, figure))
