"""Figures of the feeding benchmark as rows of text."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.data_results import Key, Results
from benchmarks.feed_contenders import DROPPED, KERNEL, WARM, Feeder
from benchmarks.report.cells import median, ratio_text, span
from benchmarks.stats import paired_ratio

Row = dict[str, Any]

FEED_COLUMNS = (
    "contender",
    "us per batch",
    "x kernel",
    "first ms",
    "start ms",
    "CPUs",
    "peak MB",
)
LARGE_PEER = "slice_numpy"
LARGE_COLUMNS = (
    "contender",
    "warm us",
    f"x {LARGE_PEER}",
    "dropped us",
    f"x {LARGE_PEER}",
    "first ms, warm",
)
PREFETCH_COLUMNS = ("batches", "alone us", "work us", "off us", "on us", "off / on")
ORDER_COLUMNS = ("examples", "by", "ms")
SHARE_COLUMNS = ("loop", "data s", "epochs s", "share %")

LEGEND = (
    "us per batch: an epoch's time over its batches (each process's median). first: wait "
    "for an epoch's first batch. start: what is done once, without imports. x: times as "
    "long as the other's, with 95 % interval, paired by round. CPUs: CPU time of the "
    "process over wall time. peak: memory over what the data takes. Figures: median "
    "(least-most) over rounds."
)
LARGE_LEGEND = (
    "the first batches of an epoch without the very first, in a process each. warm: the "
    "file's pages in memory; dropped: forgotten by the system before the process started."
)


def feed_row(results: Results, key: Key) -> tuple[str, ...]:
    """One contender at one batch size."""
    if not results.series(key, "batch_s"):
        return (key.contender, "failed", *[""] * (len(FEED_COLUMNS) - 2))
    kernel = Key("feed", KERNEL, key.input, WARM)
    return (
        key.contender,
        span(results, key, "batch_s", 1e6),
        _against(results, key, kernel),
        span(results, key, "first_batch_s", 1e3),
        median(results, key, "start_s", 1e3, 0),
        median(results, key, "cpu_share", 1, 2),
        median(results, key, "peak_nbytes", 1e-6, 1),
    )


def large_row(results: Results, key: Key) -> tuple[str, ...]:
    """One contender on data read from the disk; `key` in any state."""
    cells = [key.contender]
    for state in (WARM, DROPPED):
        ours = replace(key, state=state)
        peer = replace(ours, contender=LARGE_PEER)
        cells += [span(results, ours, "batch_s", 1e6), _against(results, ours, peer)]
    first = span(results, replace(key, state=WARM), "first_batch_s", 1e3)
    return (*cells, first)


def prefetch_row(results: Results, key: Key) -> tuple[str, ...]:
    """One kind of batch at one size, `off / on` above 1 where prefetching wins."""
    on, off = results.series(key, "on_s"), results.series(key, "off_s")
    if not on:
        return (f"{key.contender}: {key.input}", "failed", "", "", "", "")
    ratio = paired_ratio(list(on.values()), list(off.values()))
    figures = ("alone_s", "work_s", "off_s", "on_s")
    return (
        f"{key.contender}: {key.input}",
        *(span(results, key, figure, 1e6) for figure in figures),
        ratio_text(ratio),
    )


def share_row(results: Results, key: Key) -> tuple[str, ...]:
    """One loop."""
    return (
        key.contender,
        span(results, key, "data_s", 1),
        span(results, key, "total_s", 1),
        span(results, key, "share", 100),
    )


def order_row(results: Results, key: Key) -> tuple[str, ...]:
    """One way to make an order."""
    return (key.input, key.contender, span(results, key, "call_s", 1e3))


def notes(
    rows: Sequence[Row], keys: Sequence[Key], feeders: Sequence[Feeder]
) -> list[str]:
    """What is to be known of the contenders of one table, one line for each kind."""
    names = {key.contender for key in keys}
    group = keys[0].group
    present = [f for f in feeders if f.group == group and f.name in names]
    inputs = {key.input for key in keys}
    found: dict[str, list[str]] = {}
    for row in rows:
        case = row["case"]
        if case["group"] == group and case["input"] in inputs and "record" in row:
            for remark in _remarks(row["record"].get("delivery", {})):
                found.setdefault(remark, []).append(case["contender"])
    lines = [f"{text}: {_listed(who)}" for text, who in found.items()]
    for text, who in _limits(present).items():
        lines.append(f"{text}: {_listed(who)}")
    return lines + [f"{f.name}: {f.note}" for f in present if f.note]


def _remarks(delivery: dict[str, Any]) -> list[str]:
    remarks = []
    if delivery.get("scaling") == "multiplied":
        remarks.append("x * (1/255), which differs from x / 255 in the last bit")
    elif delivery.get("scaling") == "other":
        remarks.append("neither x / 255 nor x * (1/255) to the last bit")
    for name, dtype in (("image", "float32"), ("label", "int64")):
        found = delivery.get(f"{name}_dtype", dtype)
        if found != dtype:
            remarks.append(f"{name}s as {found}, not {dtype}")
    return remarks


def _limits(feeders: Iterable[Feeder]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for feeder in feeders:
        if feeder.max_rounds is not None:
            text = f"no more rounds than {feeder.max_rounds}"
            found.setdefault(text, []).append(feeder.name)
        if feeder.max_batches is not None:
            text = f"no more batches of an epoch than {feeder.max_batches}"
            found.setdefault(text, []).append(feeder.name)
    return found


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _against(results: Results, ours: Key, peer: Key) -> str:
    return ratio_text(None if ours == peer else results.ratio(peer, ours, "batch_s"))
