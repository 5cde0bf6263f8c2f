"""The loop benchmark's figures as rows of text, for the terminal and LOOPS.md."""

from collections.abc import Sequence

from benchmarks.loop_contenders import BY_HAND, OURS
from benchmarks.loop_results import FAILED, Outcome, Speed, find, loops_of, recipes_of
from benchmarks.report.cells import short
from benchmarks.stats import PairedRatio

PAIR_COLUMNS = (
    "recipe",
    "loop",
    "steps a round",
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

OTHER_COLUMNS = (
    "recipe",
    "loop",
    "contender",
    "steps/s",
    "time, it / by hand (95 %)",
    "step 1, s",
)

OTHER_LEGEND = (
    "For information, in the same rounds: a Keras model and Keras's optimiser in a "
    "tf.function, as TensorFlow is usually written. It is in no verdict."
)

FORM_LEGEND = (
    "Milliseconds a step of ours (and by hand), medians. Loops ran one after the other, "
    "not in turn: small differences between lines mean nothing."
)


def pair_row(outcome: Outcome) -> tuple[str, ...]:
    """Ours against the one by hand."""
    return (
        outcome.recipe,
        outcome.loop,
        "" if outcome.num_steps is None else str(outcome.num_steps),
        _rate(outcome.ours),
        _rate(outcome.by_hand),
        _ratio(outcome.ratio),
        _first(outcome.ours),
        _first(outcome.by_hand),
        outcome.verdict,
    )


def other_rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """Contenders beside the two."""
    return [
        (
            outcome.recipe,
            outcome.loop,
            name,
            _rate(speed),
            _ratio(outcome.ratio_of(speed)),
            _first(speed),
        )
        for outcome in outcomes
        for name, speed in outcome.others.items()
    ]


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
        for name, side in (
            (OURS, outcome.ours),
            (BY_HAND, outcome.by_hand),
            *outcome.others.items(),
        )
        if side.error
    ]


def _form_cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    ours, by_hand = _ms(outcome.ours), _ms(outcome.by_hand)
    return f"{ours} ({by_hand})"


def _ratio(ratio: PairedRatio | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio.ratio:.3f} ({ratio.low:.3f}-{ratio.high:.3f})"


def _ms(speed: Speed) -> str:
    return FAILED if speed.step_ms is None else short(speed.step_ms)


def _rate(speed: Speed) -> str:
    return FAILED if speed.median is None else short(speed.median)


def _first(speed: Speed) -> str:
    return "" if speed.first_step_s is None else f"{speed.first_step_s:.2f}"
