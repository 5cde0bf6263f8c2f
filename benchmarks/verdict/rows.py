"""Rows of a benchmark, read and typed. `docs/rows.md` tells the fields."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from idxdata.errors import FormatError
from trainers.metrics import CalibrationBin, Metrics, Mistake
from trainers.record import EpochRecord

SCHEMA = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """What was asked for."""

    recipe: str
    loop: str
    data: str
    seed: int
    epochs: int | None
    batch_size: int | None
    num_threads: int
    precision: str
    device: str
    loader: str
    width: float
    axis: str | None
    planted: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a process."""

    what: str
    position: int
    wall_s: float
    foreign_load: float | None
    idle_load: float | None
    is_noisy: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What the verdict needs of a `RunRecord`."""

    loop: str
    framework: str
    dataset: str
    seed: int
    batch_size: int
    num_parameters: int
    is_bit_comparable: bool
    precision: str
    device: str
    flags: Mapping[str, Any]
    digests: Mapping[str, str]
    import_s: float
    build_s: float
    first_step_s: float
    warmup_s: float
    peak_rss_bytes: int
    epochs: tuple[EpochRecord, ...]
    losses: tuple[float, ...]
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Cuts:
    """Parts of a step measured by themselves, in seconds."""

    data_step_s: tuple[float, ...]
    compute_step_s: tuple[float, ...]
    compute_loss: tuple[float, ...]
    batch_sizes: tuple[tuple[int, float], ...] | None = None
    matmul_step_s: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One process: a `record`, or the `error` that kept it from one.

    `host`: the name of the host of a cluster that ran it, None without a cluster.
    """

    session: str
    round: int
    group: str
    contender: str
    case: Case
    environment: Mapping[str, Any]
    conditions: Mapping[str, Any] | None
    turns: tuple[Turn, ...]
    record: Record | None
    cuts: Cuts | None
    energy_j: float | None
    error: str | None
    cuts_error: str | None = None
    host: str | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Rows of one place were measured side by side."""
        return self.session, self.round

    @property
    def is_noisy(self) -> bool:
        """Whether others kept CPUs busy during one of its epochs."""
        return any(turn.is_noisy for turn in self.turns if turn.what == "epoch")


@dataclass(frozen=True, slots=True)
class RowFile:
    """`note`: what is not in `rows`, and why; None if all is."""

    rows: list[Row]
    note: str | None


def read_rows(path: Path) -> list[Row]:
    """The rows of `path`; see `read_file`."""
    return read_file(path).rows


def read_file(path: Path) -> RowFile:
    """A last line that was cut short, as an interrupt does, is left out with a note.

    Raises `FormatError`, which names the line, for any other line that is no row, and
    for a row of another schema.
    """
    rows: list[Row] = []
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                note = (
                    f"The last line of {path.name} was cut short by an interrupt and "
                    "is left out."
                )
                return RowFile(rows, note)
            raise FormatError(f"line {number} is no JSON", path=path) from error
        rows.append(_checked_row(values, path, number))
    return RowFile(rows, None)


def _checked_row(values: Any, path: Path, number: int) -> Row:
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        found = values.get("schema") if isinstance(values, dict) else type(values)
        raise FormatError(
            f"line {number} is of another schema",
            path=path,
            expected=SCHEMA,
            found=found,
            hint="docs/rows.md tells the fields",
        )
    try:
        return parse_row(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"line {number} is no row",
            path=path,
            found=f"{type(error).__name__}: {error}",
            hint="docs/rows.md tells the fields",
        ) from error


def parse_row(values: Mapping[str, Any]) -> Row:
    """Raises KeyError, TypeError or ValueError where a field is missing or amiss."""
    record, cuts, error = map(values.get, ("record", "cuts", "error"))
    if (record is None) == (error is None):
        raise ValueError("either record or error is expected")
    changed = {
        "case": _pick(Case, values["case"]),
        "turns": tuple(_pick(Turn, turn) for turn in values["turns"]),
        "record": None if record is None else _record(record),
        "cuts": None if cuts is None else _cuts(cuts),
        "error": None if error is None else str(error),
        "conditions": values.get("conditions"),
        "energy_j": values.get("energy_j"),
    }
    return _pick(Row, {**values, **changed})


def _record(values: Mapping[str, Any]) -> Record:
    metrics = dict(values["metrics"])
    metrics |= {
        "calibration_bins": [
            _pick(CalibrationBin, one) for one in metrics["calibration_bins"]
        ],
        "mistakes": [_pick(Mistake, one) for one in metrics["mistakes"]],
        "wrong": [(int(index), int(said)) for index, said in metrics["wrong"]],
    }
    changed = {
        "epochs": tuple(_pick(EpochRecord, one) for one in values["epochs"]),
        "losses": tuple(map(float, values["losses"])),
        "metrics": _pick(Metrics, metrics),
    }
    if not changed["epochs"]:
        raise ValueError("a record has at least one epoch")
    return _pick(Record, {**values, **changed})


def _cuts(values: Mapping[str, Any]) -> Cuts:
    sizes = values.get("batch_sizes")
    changed = {
        "data_step_s": tuple(map(float, values["data_step_s"])),
        "compute_step_s": tuple(map(float, values["compute_step_s"])),
        "compute_loss": tuple(map(float, values["compute_loss"] or ())),
        "batch_sizes": sizes and tuple((int(size), float(s)) for size, s in sizes),
    }
    return _pick(Cuts, {**values, **changed})


def _pick(kind: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass of those of `values` that it has fields for."""
    found = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            found[field.name] = values[field.name]
        elif field.default is MISSING:
            raise KeyError(field.name)
    return kind(**found)
