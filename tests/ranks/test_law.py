"""Any number of processes trains what one does: same batches, same losses."""

import pytest

from tests.ranks.law import LIMITS, Line, compare

# 13 steps an epoch, the last of 5 examples; 52 steps.
SHORT = {"num_train": 197, "batch_size": 16, "epochs": 4}
RUNS = [{**SHORT, "named_recipe": name} for name in ("small", "small-cnn")]


def check(line: Line) -> None:
    assert line.batches_equal
    limit = LIMITS[line.precision]
    assert line.loss_difference <= max(limit, 10 * line.floor), line
    if line.precision == "float64":
        assert line.floor == 0
        assert line.accuracies[0] == line.accuracies[1]


def test_two_processes_of_torch() -> None:
    pytest.importorskip("torch")
    lines = list(compare("torch-eager", RUNS[:1], [2]))
    assert [line.num_ranks for line in lines] == [2, 2]
    for line in lines:
        check(line)


@pytest.mark.distributed
@pytest.mark.parametrize("num_ranks", [1, 2, 3, 4])
def test_torch(num_ranks: int) -> None:
    pytest.importorskip("torch")
    for line in compare("torch-eager", RUNS, [num_ranks]):
        check(line)


@pytest.mark.distributed
@pytest.mark.parametrize("num_ranks", [2, 3, 4])
def test_tensorflow(num_ranks: int) -> None:
    pytest.importorskip("tensorflow")
    for line in compare("tf-function", RUNS, [num_ranks]):
        check(line)


@pytest.mark.long
def test_three_processes_of_tensorflow() -> None:
    pytest.importorskip("tensorflow")
    for line in compare("tf-function", RUNS[:1], [3]):
        check(line)


@pytest.mark.distributed
def test_compiled_torch() -> None:
    pytest.importorskip("torch")
    for line in compare("torch-compile", RUNS[:1], [2]):
        check(line)
