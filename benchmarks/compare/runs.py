"""A row as what a comparison needs of it. Pure."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.verdict.rows import Case, Record, Row
from trainers.loops import LOOPS

UNKNOWN = "unknown"
ABSENT = "none"
PLANTED = "planted fault"
COMMIT = "commit"

_DIGITS_OF_DIGEST = 12
_GIBIBYTE = 2**30
_FLAGS_OF_ELSEWHERE = ("version", "keras", "threads", "precision")
_PACKAGES_OF_ADAPTERS = {
    "torch": ("torch",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "keras"),
    "jax": ("jax", "jaxlib"),
}


class RowError(ValueError):
    """A row is not as docs/rows.md has it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process that trained one model; times in seconds.

    Names to values as texts: `question` must be equal for two runs to be compared,
    `start` for two of one seed; `batches` should be. `machine` and `settings` may
    explain a difference.
    `import_s`, `first_step_s` and `peak_rss_bytes` are None where they are not known.
    """

    group: str
    contender: str
    session: str
    round: int
    seed: int
    question: Mapping[str, str]
    start: Mapping[str, str]
    batches: Mapping[str, str]
    machine: Mapping[str, str]
    settings: Mapping[str, str]
    is_noisy: bool
    epoch_s: float
    import_s: float | None
    first_step_s: float | None
    peak_rss_bytes: float | None
    accuracy: float
    losses: tuple[float, ...]


def run_of(row: Row) -> Run:
    """Of a row with a record; raises `RowError` if a field is of no use."""
    assert row.record is not None  # for the type checker: the caller has looked
    with _naming(row):
        return _run(row, row.record)


def contexts_of(row: Row) -> tuple[dict[str, str], dict[str, str]]:
    """The machine, and threads, device and versions; raises `RowError`."""
    with _naming(row):
        return _machine(row.environment), _asked(row.case) | _software(row.environment)


def name_of(row: Row) -> str:
    """Group, contender and round."""
    return f"{row.group}, {row.contender}, round {row.round}"


def as_text(value: object) -> str:
    """Equal for equal values, of 1 and 1.0 too; `UNKNOWN` for None."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True)


@contextmanager
def _naming(row: Row) -> Iterator[None]:
    """Rows have the fields they should have, but a field can hold anything."""
    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        kind = type(error).__name__
        raise RowError(f"{name_of(row)} is of no use: {kind}: {error}") from error


def _run(row: Row, record: Record) -> Run:
    return Run(
        group=str(row.group),
        contender=str(row.contender),
        session=str(row.session),
        round=int(row.round),
        seed=int(row.case.seed),
        question=_question(row.case, record),
        start={
            "initial weights": _digest(record.digests["weights"]),
            "order": _digest(record.digests["order"]),
        },
        batches={"batches": _digest(record.digests["batches"])},
        machine=_machine(row.environment),
        settings=_settings(row, record),
        is_noisy=row.is_noisy,
        epoch_s=_epoch_s(record),
        import_s=_positive(record.import_s),
        first_step_s=_positive(record.first_step_s),
        peak_rss_bytes=_positive(record.peak_rss_bytes),
        accuracy=float(record.metrics.accuracy),
        losses=record.losses,
    )


def _question(case: Case, record: Record) -> dict[str, str]:
    return {
        "data": _digest(record.digests["data"]),
        "recipe": as_text(case.recipe),
        "number of parameters": as_text(record.num_parameters),
        "width": as_text(case.width),
        "batch size": as_text(record.batch_size),
        "epochs": as_text(len(record.epochs)),
        "precision": as_text(record.precision),
        "loader": as_text(case.loader),
        PLANTED: ABSENT if case.planted is None else as_text(case.planted),
    }


def _machine(environment: Mapping[str, Any]) -> dict[str, str]:
    """What differs between machines, or in how one is set."""
    names = {"cpu": "CPU", "usable_cpus": "usable CPUs", "gpu": "GPU"}
    names |= {"governor": "governor", "turbo": "turbo", "system": "system"}
    found = {text: as_text(environment.get(name)) for name, text in names.items()}
    memory = environment.get("memory_bytes")
    if memory is not None:
        memory = f"{memory / _GIBIBYTE:.0f} GiB"
    return found | {"memory": as_text(memory)}


def _asked(case: Case) -> dict[str, str]:
    """What was asked for that leaves the question the same."""
    return {"threads": as_text(case.num_threads), "device": as_text(case.device)}


def _software(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment.get("packages") or {}
    return {
        "Python": as_text(environment.get("python")),
        COMMIT: as_text(environment.get("commit")),
        **{name: as_text(version) for name, version in packages.items()},
    }


def _settings(row: Row, record: Record) -> dict[str, str]:
    conditions = row.conditions or {}
    flags = {
        f"flag {name}": as_text(value)
        for name, value in record.flags.items()
        if name not in _FLAGS_OF_ELSEWHERE
    }
    variables = {
        f"variable {name}": as_text(value)
        for name, value in (conditions.get("variables") or {}).items()
    }
    unused = _unused_packages(row.case.loop)
    software = _software(row.environment)
    return {
        **_asked(row.case),
        "loop": as_text(row.case.loop),
        **{name: text for name, text in software.items() if name not in unused},
        "allocator": as_text(conditions.get("malloc")),
        "garbage collection": as_text(conditions.get("gc_enabled")),
        "CPUs bound to": as_text(conditions.get("affinity")),
        **flags,
        **variables,
    }


def _unused_packages(loop_name: str) -> set[str]:
    """Other frameworks', which the loop does not load: they explain nothing."""
    loop = LOOPS.get(loop_name)
    if loop is None:
        return set()
    used = {*_PACKAGES_OF_ADAPTERS[loop.adapter]}
    if loop.module == "keras_loop":
        used.add("keras")
    return {name for names in _PACKAGES_OF_ADAPTERS.values() for name in names} - used


def _epoch_s(record: Record) -> float:
    seconds = _positive(median(epoch.total_s for epoch in record.epochs))
    if seconds is None:
        raise ValueError("an epoch's time is no positive number")
    return seconds


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value < math.inf else None


def _digest(value: str | None) -> str:
    return UNKNOWN if value is None else value[:_DIGITS_OF_DIGEST]
