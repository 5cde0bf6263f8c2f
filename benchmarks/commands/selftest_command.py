"""`selftest`: equals come out equal, planted faults are found, other inputs refused."""

import argparse
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from benchmarks.commands.measuring import contest_progress
from benchmarks.contest.contest import Contest
from benchmarks.contest.entry import Entry, Planted
from benchmarks.contest.folder import RowFile
from benchmarks.contest.machine import environment
from benchmarks.contest.planted import SLOWER_BY
from benchmarks.contest.schedule import Rule
from benchmarks.report.console import print_table
from benchmarks.run_loop import new_console
from benchmarks.stats import PairedRatio
from benchmarks.verdict import judge
from benchmarks.verdict.group import Group
from benchmarks.verdict.rows import read_rows
from idxdata import load

EPOCHS = 3
ONE_IN = 20
"""One comparison of equals in so many may find a difference, as a 95 % interval does.
An honest benchmark has two or more such in twenty a quarter of the time."""

EQUAL_RULE = Rule(width=0.03, limit_s=120.0)
SLOW_RULE = Rule(width=SLOWER_BY / 3, limit_s=600.0)
"""Until 5 % can be told from nothing."""

REFUSED: tuple[Planted, ...] = ("other_data", "other_order", "other_weights")
COLUMNS = ("what was entered twice", "time, second / first", "must be", "was", "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One comparison; `ratio` None where it was refused or did not come about."""

    what: str
    ratio: PairedRatio | None
    expected: str
    found: str

    @property
    def is_right(self) -> bool:
        """Whether the benchmark said what it had to."""
        return self.expected == self.found

    def cells(self) -> tuple[str, ...]:
        """A row for `COLUMNS`."""
        ratio = self.ratio
        text = "" if ratio is None else f"{ratio.ratio:.3f}"
        if ratio is not None and 0 < ratio.low and ratio.high < math.inf:
            text += f" ({ratio.low:.3f} to {ratio.high:.3f})"
        word = "" if self.is_right else "WRONG"
        return self.what, text, self.expected, self.found, word


def main(args: argparse.Namespace) -> int:
    """0 if all holds, 1 if not."""
    load(args.data)
    console = new_console()
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    tester = _Tester(_first(args), args.results / stamp, console)
    equals: list[Outcome] = []
    faults: list[Outcome] = []
    try:
        for fault in REFUSED:
            faults.append(tester.refuse(fault))
        faults.append(tester.slow())
        for number in range(args.runs):
            equals.append(tester.equal(number))
    except KeyboardInterrupt:
        console.print("Interrupted; what follows is of what had ended.")
    print_table(
        console, "Self-test", COLUMNS, [one.cells() for one in [*faults, *equals]]
    )
    console.print(f"Rows: {tester.folder}", highlight=False, soft_wrap=True)
    right = sum(one.is_right for one in equals)
    console.print(
        f"{right} of {len(equals)} comparisons of equals found no difference; "
        f"{sum(one.is_right for one in faults)} of {len(REFUSED) + 1} faults were found",
        highlight=False,
    )
    if len(equals) < args.runs:
        return 130
    holds = right >= args.runs - args.runs // ONE_IN
    return 0 if holds and all(one.is_right for one in faults) else 1


def _first(args: argparse.Namespace) -> Entry:
    return Entry(
        recipe=args.recipe,
        loop=args.loop,
        data=args.data,
        epochs=EPOCHS,
        num_threads=args.threads,
        alias="first",
    )


class _Tester:
    """Enters `first` and a second one that should be, or should not be, its equal."""

    def __init__(self, first: Entry, folder: Path, console: Console) -> None:
        self.folder = folder
        self._first = first
        self._console = console
        self._environment = environment()

    def equal(self, number: int) -> Outcome:
        """The same contender under two names."""
        group = self._play(f"equal-{number}", None, EQUAL_RULE)
        return self._told(f"equals, {number + 1}", group, "no difference")

    def slow(self) -> Outcome:
        """One that sleeps for a twentieth of its time."""
        group = self._play("slow", "slow", SLOW_RULE)
        return self._told(f"one {SLOWER_BY:.0%} slower", group, "second slower")

    def refuse(self, fault: Planted) -> Outcome:
        """One with other inputs."""
        group = self._play(fault, fault, Rule(1))
        # Weights and order may not be what makes data differ: the fault's own name.
        reason = fault.removeprefix("other_")
        found = [name for one in group.refusals for name in one.differing]
        is_refused = bool(found) and found[0] == reason
        return self._keep(
            Outcome(
                fault.replace("_", " "),
                None,
                f"refused for its {reason}",
                f"refused for its {found[0]}" if is_refused else "compared",
            )
        )

    def _play(self, name: str, fault: Planted | None, rule: Rule) -> Group:
        second = replace(self._first, alias="second", planted=fault)
        file = RowFile(self.folder / f"{name}.jsonl")
        contest = Contest(
            [self._first, second], rule, file, name, self._environment, cuts=False
        )
        with contest_progress(contest, self._console) as on_turn:
            contest.play(on_turn, lambda row: None)
        (group,) = judge(read_rows(file.path)).groups
        return group

    def _told(self, what: str, group: Group, expected: str) -> Outcome:
        ratio = group.ratio("second", "first")
        return self._keep(Outcome(what, ratio, expected, _word(group, ratio)))

    def _keep(self, outcome: Outcome) -> Outcome:
        colour = "green" if outcome.is_right else "red"
        what, ratio, _expected, found, _ = map(escape, outcome.cells())
        self._console.print(f"{what}: [{colour}]{found}[/] {ratio}", highlight=False)
        return outcome


def _word(group: Group, ratio: PairedRatio | None) -> str:
    if group.failures:
        return "failed: " + group.failures[0].reason
    if ratio is None:
        return "refused"
    if not ratio.is_decided:
        return "no difference"
    return "second slower" if ratio.ratio > 1 else "second faster"
