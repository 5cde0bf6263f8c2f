"""What forbids a ratio and what could explain one: each has its test."""

import pytest

from benchmarks.compare.comparability import Comparability, check, folder_differences
from benchmarks.compare.figures import compare_rows
from benchmarks.compare.matching import match_rows
from benchmarks.compare.runs import RowError
from benchmarks.verdict.rows import parse_row
from tests.compare.making import Values, altered, failing, rows, setting


def judged(a: list[Values], b: list[Values]) -> Comparability:
    (match,) = match_rows(list(map(parse_row, a)), list(map(parse_row, b))).matches
    return check(match)


def names(found: Comparability) -> tuple[list[str], list[str]]:
    return [item.name for item in found.refusals], [item.name for item in found.flags]


REFUSED = [
    ("record/digests/data", "e" * 64, "data"),
    ("case/recipe", "cnn", "recipe"),
    ("record/num_parameters", 1235, "number of parameters"),
    ("case/width", 2, "width"),
    ("record/batch_size", 128, "batch size"),
    ("record/precision", "float64", "precision"),
    ("case/loader", "tutorial", "loader"),
    ("case/planted", "sleep", "planted fault"),
    ("record/digests/weights", "f" * 64, "initial weights of seed 0"),
    ("record/digests/order", "f" * 64, "order of seed 0"),
]

FLAGGED = [
    ("environment/cpu", "Slide Rule", "CPU"),
    ("environment/usable_cpus", 2, "usable CPUs"),
    ("environment/gpu", "Loom", "GPU"),
    ("environment/governor", "powersave", "governor"),
    ("environment/turbo", True, "turbo"),
    ("environment/system", "Linux-7", "system"),
    ("environment/memory_bytes", 2**35, "memory"),
    ("case/num_threads", 4, "threads"),
    ("case/device", "cuda", "device"),
    ("case/loop", "torch-compile", "loop"),
    ("environment/python", "3.12.0", "Python"),
    ("environment/commit", "def456", "commit"),
    ("environment/packages", {"numpy": "2.0", "torch": "2.7"}, "torch"),
    ("environment/packages", {"numpy": "2.0"}, "torch"),
    ("conditions/malloc", "jemalloc", "allocator"),
    ("conditions/gc_enabled", False, "garbage collection"),
    ("conditions/affinity", [2, 3], "CPUs bound to"),
    ("conditions/variables", {}, "variable OMP_NUM_THREADS"),
    ("record/flags/memory_format", "NCHW", "flag memory_format"),
    ("record/flags/tf32", True, "flag tf32"),
    ("record/digests/batches", "f" * 64, "batches of seed 0"),
]


def test_equal_rows_differ_in_nothing() -> None:
    assert judged(rows(), rows()) == Comparability((), ())
    parsed = [parse_row(values) for values in rows()]
    assert folder_differences(parsed, parsed) == ()


@pytest.mark.parametrize(("path", "value", "name"), REFUSED)
def test_another_question_is_refused(path: str, value: object, name: str) -> None:
    found = judged(rows(), altered(rows(), setting(path, value)))
    assert names(found) == ([name], [])
    back = judged(altered(rows(), setting(path, value)), rows())
    assert [(d.a, d.b) for d in found.refusals] == [(d.b, d.a) for d in back.refusals]


def test_other_epochs_are_refused() -> None:
    def shorten(values: Values) -> None:
        values["record"]["epochs"].pop()

    found = judged(rows(), altered(rows(), shorten))
    assert names(found) == (["epochs"], [])
    assert (found.refusals[0].a, found.refusals[0].b) == ("3", "2")


def test_a_fault_on_both_sides_is_refused_too() -> None:
    faulty = altered(rows(), setting("case/planted", "sleep"))
    assert names(judged(faulty, faulty)) == (["planted fault"], [])


def test_two_questions_on_one_side_are_refused() -> None:
    mixed = altered(rows()[:4], setting("record/batch_size", 128)) + rows()[4:]
    found = judged(mixed, mixed)
    assert names(found) == (["batch size"], [])
    assert found.refusals[0].a == "128 or 64"


def test_a_factor_written_otherwise_is_the_same() -> None:
    assert not judged(rows(), altered(rows(), setting("case/width", 1.0))).refusals


@pytest.mark.parametrize(("path", "value", "name"), FLAGGED)
def test_what_could_explain_is_flagged(path: str, value: object, name: str) -> None:
    found = judged(rows(), altered(rows(), setting(path, value)))
    assert names(found) == ([], [name])
    machine = {"CPU", "usable CPUs", "GPU", "governor", "turbo", "system", "memory"}
    assert found.flags[0].is_machine == (name in machine)


def test_versions_that_flags_repeat_are_told_once() -> None:
    other = altered(rows(), setting("record/flags/version", "2.7"))
    assert names(judged(rows(), other)) == ([], [])


@pytest.mark.parametrize(
    ("loop", "flags"),
    [
        ("torch-eager", ["numpy", "torch"]),
        ("jax-jit", ["numpy", "jax"]),
        ("tf-xla", ["numpy", "keras"]),
        ("keras-jax", ["numpy", "jax", "keras"]),
        ("my-own", ["numpy", "torch", "jax", "keras"]),
    ],
)
def test_frameworks_that_a_loop_does_not_load_explain_nothing(
    loop: str, flags: list[str]
) -> None:
    versions = dict.fromkeys(["numpy", "torch", "jax", "keras"], "1")
    a = altered(rows(), setting("environment/packages", versions))
    a = altered(a, setting("case/loop", loop))
    b = altered(a, setting("environment/packages", dict.fromkeys(versions, "2")))
    assert names(judged(a, b)) == ([], flags)
    parsed = [list(map(parse_row, side)) for side in (a, b)]
    assert [item.name for item in folder_differences(*parsed)] == list(versions)


@pytest.mark.parametrize(("count", "is_flagged"), [(2, False), (3, True)])
def test_noise_is_flagged_above_a_quarter_of_rounds(
    count: int, is_flagged: bool
) -> None:
    noisy = rows()
    for values in noisy[:count]:
        values["turns"][1]["is_noisy"] = True
    for pair in ((rows(), noisy), (noisy, rows())):
        assert names(judged(*pair)) == ([], ["noisy rounds"] if is_flagged else [])


def test_seeds_that_nobody_shares_are_flagged() -> None:
    def move(values: Values) -> None:
        values["case"]["seed"] += 100

    found = judged(rows(), altered(rows(), move))
    assert names(found) == ([], ["seeds"])


def test_uncommitted_changes_are_flagged_between_sessions() -> None:
    changed = altered(rows(), setting("environment/commit", "abc+changes"))
    later = altered(changed, setting("session", "20261129T000000Z"))
    assert names(judged(changed, changed)) == ([], [])
    assert names(judged(changed, later)) == ([], ["uncommitted changes"])


def test_rows_without_result_count_for_the_folder() -> None:
    failed = altered(rows(), failing)
    other = altered(failed, setting("environment/cpu", "Slide Rule"))
    found = folder_differences(
        [parse_row(values) for values in rows()],
        [parse_row(values) for values in rows() + other],
    )
    assert [(item.name, item.b) for item in found] == [
        ("CPU", "Abacus 3000 or Slide Rule")
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("record/epochs", [{**rows()[0]["record"]["epochs"][0], "total_s": 0}]),
        ("record/digests", {}),
        ("record/flags", None),
        ("environment", "none"),
    ],
)
def test_fields_of_no_use_are_named_errors(path: str, value: object) -> None:
    bad = [parse_row(values) for values in altered(rows(), setting(path, value))]
    with pytest.raises(RowError, match="mlp, torch, round 0"):
        compare_rows(bad, bad)
