"""docs/order.md: its Python agrees with the package, its vectors hold for both."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata import Plan
from idxdata.order.strata import Stratified
from idxdata.order.subsets import Fold

TEXT = (Path(__file__).parents[1] / "docs" / "order.md").read_text("utf-8")
MASK64 = 2**64 - 1

CODE = "".join(re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL))
PAGE: dict[str, Any] = {}
exec(compile(CODE, "docs/order.md", "exec"), PAGE)  # noqa: S102

BLOCKS = [
    [json.loads(line) for line in block.splitlines()]
    for block in re.findall(r"```json\n(.*?)```", TEXT, flags=re.DOTALL)
]
SHUFFLED, PADDED, FOLDS, STRATIFIED = BLOCKS

numbers = st.integers(0, MASK64)


def rows_of_page(
    plan: Plan, epoch: int, step: int, labels: list[int] | None = None
) -> list[int]:
    """What the page says of one step."""
    n, size = plan.num_examples, plan.epoch_size
    rows = []
    for p in PAGE["positions"](
        step, size, plan.batch_size, plan.last_batch, plan.rank, plan.num_ranks
    ):

        def subset(i: int) -> int:
            fold = plan.subset
            if fold is None:
                return i
            assert isinstance(fold, Fold)
            args = (fold.num_folds, fold.index, fold.seed, fold.part)
            return int(PAGE["fold"](i, n, *args))

        if labels is not None:
            kept = [labels[subset(i)] for i in range(size)]
            p = PAGE["stratified"](p, kept, plan.batch_size, plan.seed, epoch)
        elif plan.order == "shuffled":
            p = PAGE["permute"](p, size, plan.seed, epoch)
        rows.append(subset(p))
    return rows


@st.composite
def folds(draw: st.DrawFn, n: int) -> Fold:
    num_folds = draw(st.integers(2, min(n, 5)))
    return Fold(
        num_folds,
        draw(st.integers(0, num_folds - 1)),
        seed=draw(numbers),
        part=draw(st.sampled_from(["train", "held_out"])),
    )


@given(data=st.data(), seed=numbers, epoch=numbers)
def test_the_page_and_the_package_agree(
    data: st.DataObject, seed: int, epoch: int
) -> None:
    n = data.draw(st.integers(1, 60))
    subset = data.draw(st.none() if n < 2 else st.none() | folds(n))
    labels = data.draw(st.none() | st.lists(st.integers(0, 4), min_size=n, max_size=n))
    num_ranks = data.draw(st.integers(1, 3))
    batch_size = data.draw(st.integers(num_ranks, 24))
    kind = data.draw(st.sampled_from(["shuffled", "sequential"]))
    plan = Plan(
        n,
        batch_size,
        seed=seed,
        order=kind if labels is None else Stratified.by(np.array(labels)),
        last_batch="keep" if num_ranks == 1 else "pad",
        subset=subset,
        rank=data.draw(st.integers(0, num_ranks - 1)),
        num_ranks=num_ranks,
    )
    step = data.draw(st.integers(0, plan.num_steps - 1))
    expected = rows_of_page(plan, epoch, step, labels)
    assert plan.indices(epoch, step).tolist() == expected


def check(vector: dict[str, Any], plan: Plan, labels: list[int] | None = None) -> None:
    epoch = vector["epoch"]
    steps = range(plan.num_steps)
    rows = np.concatenate([plan.indices(epoch, step) for step in steps])
    assert rows[:8].tolist() == vector["first"]
    assert plan.digest(epoch) == vector["digest"]
    if len(rows) > 5000:
        return  # plain Python takes a second for each 30,000
    page = [row for step in steps for row in rows_of_page(plan, epoch, step, labels)]
    by_hand = b"".join(row.to_bytes(8, "little") for row in page)
    assert hashlib.sha256(by_hand).hexdigest() == vector["digest"]


@pytest.mark.parametrize("vector", SHUFFLED, ids=lambda v: v["num_examples"])
@pytest.mark.parametrize("batch_size", [128, 1000])
def test_shuffled_vectors(vector: dict[str, Any], batch_size: int) -> None:
    check(vector, Plan(vector["num_examples"], batch_size, seed=vector["seed"]))


@pytest.mark.parametrize("vector", PADDED, ids=lambda v: v["num_examples"])
def test_padded_vectors(vector: dict[str, Any]) -> None:
    n, batch_size = vector["num_examples"], vector["batch_size"]
    check(vector, Plan(n, batch_size, seed=vector["seed"], last_batch="pad"))


@pytest.mark.parametrize("vector", FOLDS, ids=lambda v: v["fold"][3])
def test_fold_vectors(vector: dict[str, Any]) -> None:
    num_folds, index, seed, part = vector["fold"]
    fold = Fold(num_folds, index, seed=seed, part=part)
    check(vector, Plan(vector["num_examples"], 32, seed=vector["seed"], subset=fold))


@pytest.mark.parametrize("vector", STRATIFIED, ids=lambda v: v["num_examples"])
def test_stratified_vectors(vector: dict[str, Any]) -> None:
    n, seed = vector["num_examples"], vector["seed"]
    labels = [i * i % 10 for i in range(n)]
    order = Stratified.by(np.array(labels))
    plan = Plan(n, vector["batch_size"], seed=seed, order=order)
    check(vector, plan, labels)
