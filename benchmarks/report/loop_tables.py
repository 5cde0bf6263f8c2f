"""The loop benchmark's figures as rows of text, for the terminal and LOOPS.md."""

from collections.abc import Sequence

from benchmarks.loop_results import FAILED, Outcome, Speed, find, loops_of, recipes_of
from benchmarks.report.cells import short

PAIR_COLUMNS = (
    "recipe",
    "loop",
    "ours steps/s",
    "by hand steps/s",
    "time, ours / by hand (95 %)",
    "step 1, s: ours",
    "by hand",
    "verdict",
)

PAIR_LEGEND = (
    "Medians of rounds in turn in one process, batches in memory; the ratio is of times "
    "a step, paired by round: below 1, ours is faster. Step 1 traces and compiles. By "
    "hand, mlp-dropout has the framework's own dropout; ours has masks that are the same "
    "in every framework, mlp-dropout-native the framework's own."
)

FORM_LEGEND = (
    "Milliseconds a step of ours (and by hand), medians. Loops ran one after the other, "
    "not in turn: small differences between lines mean nothing."
)


def pair_row(outcome: Outcome) -> tuple[str, ...]:
    """Ours against the one by hand."""
    ratio = outcome.ratio
    return (
        outcome.recipe,
        outcome.loop,
        _rate(outcome.ours),
        _rate(outcome.by_hand),
        ""
        if ratio is None
        else f"{ratio.ratio:.3f} ({ratio.low:.3f}-{ratio.high:.3f})",
        _first(outcome.ours),
        _first(outcome.by_hand),
        outcome.verdict,
    )


def form_columns(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """ "loop" and the recipes."""
    return ("loop", *recipes_of(outcomes))


def form_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """All loops of a recipe below each other, a column a recipe."""
    return [
        (
            loop,
            *(_form_cell(find(outcomes, r, loop)) for r in recipes_of(outcomes)),
        )
        for loop in loops_of(outcomes)
    ]


def failures(outcomes: Sequence[Outcome]) -> list[str]:
    """Who failed and why, one a line."""
    return [
        f"{outcome.recipe} by {outcome.loop}, {name}: {side.error}"
        for outcome in outcomes
        for name, side in (("ours", outcome.ours), ("by hand", outcome.by_hand))
        if side.error
    ]


def _form_cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    ours, by_hand = _ms(outcome.ours), _ms(outcome.by_hand)
    return f"{ours} ({by_hand})"


def _ms(speed: Speed) -> str:
    return FAILED if speed.step_ms is None else short(speed.step_ms)


def _rate(speed: Speed) -> str:
    return FAILED if speed.median is None else short(speed.median)


def _first(speed: Speed) -> str:
    return "" if speed.first_step_s is None else f"{speed.first_step_s:.2f}"
