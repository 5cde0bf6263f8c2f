"""The verdict: two sentences for a whole run, of speed and of accuracy."""

from collections.abc import Sequence

from benchmarks.verdict.group import Group
from benchmarks.verdict.phrases import accuracy_clause, speed_clause
from benchmarks.words import count, series


def verdict_sentences(groups: Sequence[Group]) -> tuple[str, str]:
    """Exactly two, whatever happened."""
    if not groups:
        return (
            "Nothing was run but along axes of sensitivity, whose verdicts are below.",
            "Accuracy is not judged there.",
        )
    return speed_sentence(groups), accuracy_sentence(groups)


def speed_sentence(groups: Sequence[Group]) -> str:
    """One clause a group."""
    if not any(group.contenders for group in groups):
        return "No contender gave a result, so that no speed can be told."
    clauses = [f"in {place(group.name)} {speed_clause(group)}" for group in groups]
    return f"On this machine, {'; '.join(clauses)}."


def accuracy_sentence(groups: Sequence[Group]) -> str:
    """Whether inputs were the same, and whether accuracy differs."""
    told = [group for group in groups if group.contenders]
    if not told:
        return "Nor is there an accuracy to tell."
    clauses = "; ".join(
        f"in {place(group.name)} {accuracy_clause(group)}" for group in told
    )
    if refused := [one for group in told for one in group.refusals]:
        who = series(f"{one.contender} in {one.group}" for one in refused)
        return f"Inputs were not the same for all ({who}: refused); {clauses}."
    if not any(group.comparisons for group in told):
        return f"There is nothing to compare accuracy with: {clauses}."
    # A round that a single contender ended has nothing to be equal to.
    shared = [len({n for c in group.comparisons for n in c.rounds}) for group in told]
    number = count(sum(shared), "round")
    return (
        "All were fed the same bytes in the same order from the same initial weights "
        f"(digests equal in {number}), and {clauses}."
    )


def place(name: str) -> str:
    """`mlp-3x100 (3 epochs)`: the setting in brackets, as commas follow."""
    recipe, _, setting = name.partition(", ")
    return f"{recipe} ({setting})" if setting else recipe
