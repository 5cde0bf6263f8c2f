"""One thing changed at a time: is the verdict the same along an axis?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.verdict.group import Group, make_group
from benchmarks.verdict.phrases import speed_clause
from benchmarks.verdict.rows import Row
from benchmarks.words import series

TUTORIAL = "tutorial"

Value = float | str

AXIS_TEXTS = {
    "batch_size": "batch size",
    "num_threads": "threads",
    "width": "model width",
    "loop": "loop form",
    "loader": "loader",
}


@dataclass(frozen=True, slots=True)
class Point:
    """What took turns at one value of the axis."""

    value: Value
    group: Group

    @property
    def text(self) -> str:
        """The value in words."""
        return self.value if isinstance(self.value, str) else f"{self.value:g}"

    @property
    def clause(self) -> str:
        """Who is faster here; that a tutorial's loader feeds them is not said again."""
        return without_loader(speed_clause(self.group))


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One recipe along one axis; numbers ascend."""

    axis: str
    recipe: str
    points: tuple[Point, ...]

    @property
    def axis_text(self) -> str:
        """The axis in words."""
        return AXIS_TEXTS.get(self.axis, self.axis)

    @property
    def is_flipping(self) -> bool:
        """Whether one contender is established as the fastest here, another one there."""
        winners = {name for _, name in self.winners if name is not None}
        return len(winners) > 1

    @property
    def winners(self) -> list[tuple[Point, str | None]]:
        """At each point who is established as the fastest, None without one."""
        return [(point, _winner(point.group)) for point in self.points]

    @property
    def finding(self) -> str:
        """What changes along the axis, in a sentence."""
        if self.axis == "loader":
            return loader_sentence(self)
        if len(self.points) == 1:
            clause = self.points[0].clause
            return f"{self.recipe}, {self.axis_text}: {clause}."
        told = [(p.text, name) for p, name in self.winners if name is not None]
        if not told:
            return (
                f"{self.recipe}: no faster one is established at any "
                f"{self.axis_text} looked at."
            )
        if self.is_flipping:
            names = dict.fromkeys(name for _, name in told)
            where = "; ".join(
                f"{name} at {series(value for value, at in told if at == name)}"
                for name in names
            )
            return f"{self.recipe}: who is faster depends on the {self.axis_text}: {where}."
        where = series(value for value, _ in told)
        return (
            f"{self.recipe}: by {self.axis_text} the verdict does not turn: "
            f"{told[0][1]} is faster at {where}"
            + (", no other point decides." if len(told) < len(self.points) else ".")
        )


def loader_sentence(sensitivity: Sensitivity) -> str:
    """Both verdicts: each framework's own loader, and the same batches for all."""
    clauses = []
    for point in reversed(sensitivity.points):
        fed = (
            "with each framework's tutorial loader"
            if point.value == TUTORIAL
            else "with the same batches for both"
        )
        clauses.append(f"{fed} {point.clause}")
    turned = " The loaders turn the verdict." if sensitivity.is_flipping else ""
    return f"{sensitivity.recipe}: {'; '.join(clauses)}.{turned}"


def sensitivities(axis: str, rows: Sequence[Row]) -> list[Sensitivity]:
    """One for each recipe, in the order they were run.

    Of rows with several numbers of epochs, those with the last row's: points have to be
    of one kind.
    """
    recipes: dict[str, dict[Value, list[Row]]] = {}
    epochs = {row.case.recipe: row.case.epochs for row in rows}
    for row in rows:
        if row.case.epochs != epochs[row.case.recipe]:
            continue
        points = recipes.setdefault(row.case.recipe, {})
        value = axis_value(axis, row)
        if value is not None:
            points.setdefault(value, []).append(row)
    return [
        Sensitivity(
            axis,
            recipe,
            tuple(
                Point(value, make_group(points[value], is_refusing=value != TUTORIAL))
                for value in sorted(points, key=_rank)
            ),
        )
        for recipe, points in recipes.items()
        if points
    ]


def axis_value(axis: str, row: Row) -> Value | None:
    """Where on the axis the row is; None if that cannot be told."""
    if axis == "batch_size":
        own = row.record.batch_size if row.record is not None else None
        return row.case.batch_size or own
    values: Mapping[str, Value] = {
        "num_threads": row.case.num_threads,
        "width": row.case.width,
        "loader": row.case.loader,
    }
    # Loop forms are told apart by contender: all of them are one point.
    return values.get(axis, "all")


def _rank(value: Value) -> tuple[bool, Value]:
    return isinstance(value, str), value


def _winner(group: Group) -> str | None:
    leaders = group.leaders
    if len(leaders) != 1 or len(group.by_speed) < 2:
        return None
    return without_loader(leaders[0].name)


def without_loader(text: str) -> str:
    """Names of contenders as they are with the service."""
    return text.replace(f", {TUTORIAL} loader", "")
