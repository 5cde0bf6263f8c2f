"""Tables of metrics: classes that have no examples."""

import io

import numpy as np
import pytest

pytest.importorskip("rich")

from rich.console import Console

from trainers.commands.metrics_display import print_gaps, print_metrics
from trainers.metrics import compute_metrics

NAMES = [f"class-{label}" for label in range(40)]


def console() -> Console:
    return Console(file=io.StringIO(), width=100)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_worst_classes_have_examples() -> None:
    """30 of 40 classes have examples, and 26 rows are shown, the wrong ones first."""
    labels = np.repeat(np.arange(30, dtype=np.uint8), 2)
    values = np.full((60, 40), 0.001, np.float32)
    values[np.arange(60), labels] = 1 - 0.039
    values[0] = np.roll(values[0], 1)
    shown = console()
    print_metrics(shown, compute_metrics(labels, values), NAMES)
    text = text_of(shown)
    assert "worst classes" in text
    assert not any(name in text for name in NAMES[30:])
    assert sum(name in text.split() for name in NAMES) == 26
    assert NAMES[0] in text


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (range(40), ""),
        ([n for n in range(40) if n not in (3, 7)], "on: class-3, class-7\n"),
        (
            range(30),
            "on: class-30, class-31, class-32, class-33, class-34 and 5 more\n",
        ),
    ],
)
def test_gaps_among_the_labels(present: list[int], expected: str) -> None:
    shown = console()
    print_gaps(shown, np.array(present, np.uint8), NAMES)
    assert text_of(shown).strip().endswith(expected.strip())
    assert (text_of(shown) == "") == (expected == "")
