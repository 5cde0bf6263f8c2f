"""What a contender's time is made of: medians and spreads over its runs."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.stats import Spread, spread
from benchmarks.verdict.rows import Cuts, Record, Row


@dataclass(frozen=True, slots=True)
class CutTimes:
    """Seconds a step, measured apart and together; spreads over runs.

    `whole_s` is a step of training, `data_s` a batch of the service alone, `compute_s` a
    step on one batch in memory. `matmul_s` is the time of a step's matrix products in
    NumPy's BLAS, the least that any contender of the group measured, `fixed_s` what a step would take for a batch of no examples, by a
    straight line through the times at several batch sizes, not below 0; None where they
    were not measured.
    """

    whole_s: Spread
    data_s: Spread
    compute_s: Spread
    matmul_s: Spread | None
    fixed_s: Spread | None

    @property
    def data_share(self) -> float:
        """Data alone as a part of a training step, by medians."""
        return self.data_s.median / self.whole_s.median

    @property
    def unexplained_s(self) -> float:
        """What a training step takes beyond both parts; below 0 if they overlap."""
        return self.whole_s.median - self.data_s.median - self.compute_s.median

    @property
    def floor_factor(self) -> float | None:
        """A compute step over its matrix products."""
        if self.matmul_s is None:
            return None
        return self.compute_s.median / self.matmul_s.median

    @property
    def fixed_share(self) -> float | None:
        """The part of a compute step that does not grow with the batch."""
        if self.fixed_s is None:
            return None
        return self.fixed_s.median / self.compute_s.median


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds; spreads over runs, of each run's median epoch where it is an epoch's.

    `data_s` is None where the framework fetches batches by itself, so that waiting
    cannot be told. `tracing_s` is the first step less a usual one: tracing and
    compiling. `startup_s` is import, build and first step. `energy_j` and `cuts` are
    None where no run has them. `is_asynchronous`: only the sum of `compute_s` and
    `rest_s` says what computing took.
    """

    epoch_s: Spread
    data_s: Spread | None
    compute_s: Spread
    rest_s: Spread
    step_s: Spread
    import_s: Spread
    build_s: Spread
    first_step_s: Spread
    tracing_s: Spread
    startup_s: Spread
    warmup_s: Spread
    peak_rss_bytes: Spread
    energy_j: Spread | None
    cuts: CutTimes | None
    is_asynchronous: bool

    @property
    def data_share(self) -> float | None:
        """Waiting for data as a part of an epoch, by medians."""
        return None if self.data_s is None else self.data_s.median / self.epoch_s.median


def measure_speed(rows: Sequence[Row], floor_s: float | None) -> Speed:
    """Of one contender's rows, all with records, at least one. `floor_s`: of its group,
    `least_floor_s`."""
    records = [row.record for row in rows if row.record is not None]

    def over_runs(figure: Callable[[Record], float]) -> Spread:
        return spread([figure(record) for record in records])

    knows_data = all(e.data_s is not None for r in records for e in r.epochs)
    energies = [row.energy_j for row in rows if row.energy_j is not None]
    return Speed(
        epoch_s=over_runs(epoch_s),
        data_s=over_runs(_data_s) if knows_data else None,
        compute_s=over_runs(lambda r: _median(e.compute_s for e in r.epochs)),
        rest_s=over_runs(lambda r: _median(e.loop_s for e in r.epochs)),
        step_s=over_runs(step_s),
        import_s=over_runs(lambda r: r.import_s),
        build_s=over_runs(lambda r: r.build_s),
        first_step_s=over_runs(lambda r: r.first_step_s),
        tracing_s=over_runs(lambda r: max(0.0, r.first_step_s - step_s(r))),
        startup_s=over_runs(lambda r: r.import_s + r.build_s + r.first_step_s),
        warmup_s=over_runs(lambda r: r.warmup_s),
        peak_rss_bytes=over_runs(lambda r: r.peak_rss_bytes),
        energy_j=spread(energies) if energies else None,
        cuts=_cut_times(rows, floor_s),
        is_asynchronous=any(is_asynchronous(record) for record in records),
    )


def least_floor_s(rows: Sequence[Row]) -> float | None:
    """The least time of a step's matrix products: the same work, whoever does it, but in
    a process whose framework's threads may still be awake."""
    times = [
        row.cuts.matmul_step_s
        for row in rows
        if row.cuts is not None and row.cuts.matmul_step_s is not None
    ]
    return min(times, default=None)


def epoch_s(record: Record) -> float:
    """The median of a run's epochs."""
    return _median(epoch.total_s for epoch in record.epochs)


def step_s(record: Record) -> float:
    """The median over epochs of an epoch's time a step."""
    return _median(epoch.total_s / epoch.timed_steps for epoch in record.epochs)


def is_asynchronous(record: Record) -> bool:
    """Whether a call of the train step only dispatches it."""
    return "jax" in record.loop.lower() or record.device != "cpu"


def fixed_step_s(batch_sizes: Sequence[tuple[int, float]]) -> float | None:
    """Seconds at batch size 0 of the least-squares line; None for fewer than two sizes."""
    sizes = [size for size, _ in batch_sizes]
    if len(set(sizes)) < 2:
        return None
    line = statistics.linear_regression(sizes, [time for _, time in batch_sizes])
    return max(0.0, line.intercept)


def _cut_times(rows: Sequence[Row], floor_s: float | None) -> CutTimes | None:
    cut = [
        (row.record, row.cuts)
        for row in rows
        if row.record is not None and _is_whole(row.cuts)
    ]
    if not cut:
        return None
    cuts = [one for _, one in cut if one is not None]
    lines = [fixed_step_s(one.batch_sizes) for one in cuts if one.batch_sizes]
    fixed = [intercept for intercept in lines if intercept is not None]
    return CutTimes(
        whole_s=spread([step_s(record) for record, _ in cut]),
        data_s=spread([_median(one.data_step_s) for one in cuts]),
        compute_s=spread([_median(one.compute_step_s) for one in cuts]),
        matmul_s=None if floor_s is None else spread([floor_s]),
        fixed_s=spread(fixed) if fixed else None,
    )


def _is_whole(cuts: Cuts | None) -> bool:
    return cuts is not None and bool(cuts.data_step_s and cuts.compute_step_s)


def _data_s(record: Record) -> float:
    return _median(e.data_s for e in record.epochs if e.data_s is not None)


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)
