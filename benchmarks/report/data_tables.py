"""Figures and verdicts of the data benchmark as rows of text."""

from collections.abc import Sequence

from benchmarks.contenders import CACHED, COLD, Contender, peer
from benchmarks.data_results import Key, Results
from benchmarks.goals import Verdict
from benchmarks.inputs import Input
from benchmarks.stats import PairedRatio, spread
from benchmarks.summary import format_factor

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
GOAL_COLUMNS = ("goal", "limit", "measured", "95 % interval", "pairs", "verdict")

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
        _milliseconds(results, key, "fresh_s"),
        _speed(results, key, against, "fresh_s"),
        _milliseconds(results, key, "warm_s"),
        _speed(results, key, against, "warm_s"),
        f"{results.nbytes(key) / spread(warm).median / 1e6:.0f}" if warm else "",
        _median(results, key, "warm_cpu_share", 1, 2),
        _median(results, key, "peak_nbytes", 1e-6, 1),
        _median(results, key, "process_s", 1e3, 0),
    )


def goal_row(verdict: Verdict) -> tuple[str, ...]:
    """One goal with what was measured of it."""
    goal, ratio = verdict.goal, verdict.ratio
    limit = f"{'>=' if goal.at_least else '<='} {goal.limit:g}"
    if ratio is None:
        return (goal.text, limit, "", "", "", verdict.word)
    return (
        goal.text,
        limit,
        format_factor(ratio.ratio),
        _interval(ratio),
        str(len(ratio.ratios)),
        verdict.word,
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


def _milliseconds(results: Results, key: Key, figure: str) -> str:
    values = list(results.series(key, figure).values())
    if not values:
        return ""
    times = spread([1e3 * value for value in values])
    return f"{_short(times.median)} ({_short(times.low)}-{_short(times.high)})"


def _short(value: float) -> str:
    """Three digits that say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _speed(results: Results, key: Key, against: Key, figure: str) -> str:
    ratio = None if key == against else results.ratio(key, against, figure)
    if ratio is None:
        return ""
    if len(ratio.ratios) == 1:
        return f"{ratio.ratio:.2f}"
    return f"{ratio.ratio:.2f} ({ratio.low:.2f}-{ratio.high:.2f})"


def _median(results: Results, key: Key, figure: str, scale: float, digits: int) -> str:
    values: Sequence[float] = list(results.series(key, figure).values())
    return f"{spread(values).median * scale:.{digits}f}" if values else ""


def _interval(ratio: PairedRatio) -> str:
    if len(ratio.ratios) == 1:
        return "one pair"
    return f"{format_factor(ratio.low)} to {format_factor(ratio.high)}"
