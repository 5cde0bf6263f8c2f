"""Dropout masks: plain Python's numbers, slices of one whole, and their statistics."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from idxdata.dropout import dropout_mask
from tests import augment_oracle as oracle

DROPOUT = 17
WORDS = st.integers(0, 2**64 - 1)
RATES = st.floats(0, 1, exclude_max=True)
NAME = {"seed": 3, "step": 5, "layer": 2}


def expected(shape: tuple[int, ...], rate: float, first: int, key: int) -> list[float]:
    """The numbers of a mask from number `first` on, by docs/batches.md."""
    threshold = round(rate * 2**24)
    kept = 1 / (1 - rate)
    return [
        0.0 if oracle.word(key, first + n) >> 40 < threshold else kept
        for n in range(math.prod(shape))
    ]


def zeros(mask: NDArray[Any]) -> list[bool]:
    found: list[bool] = (mask == 0).ravel().tolist()
    return found


@given(
    name=st.fixed_dictionaries({"seed": WORDS, "step": WORDS, "layer": WORDS}),
    first_row=WORDS,
    rate=RATES,
    shape=st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple),
)
def test_numbers_are_plain_pythons(
    name: dict[str, int], first_row: int, rate: float, shape: tuple[int, ...]
) -> None:
    key = oracle.fold(name["seed"], name["step"], DROPOUT, name["layer"])
    first = first_row * math.prod(shape[1:]) % 2**64
    numbers = expected(shape, rate, first, key)
    mask = dropout_mask(shape, rate, first_row=first_row, dtype=np.float64, **name)
    assert mask.shape == shape and mask.dtype == np.float64
    assert mask.flags.c_contiguous and mask.flags.writeable
    assert mask.ravel().tolist() == numbers
    single = dropout_mask(shape, rate, first_row=first_row, **name)
    assert single.dtype == np.float32
    assert single.ravel().tolist() == np.array(numbers, np.float32).tolist()


def test_first_numbers_never_change() -> None:
    # Pinned: a changed number would silently change every training run with dropout.
    mask = dropout_mask((2, 8), 0.2, seed=1, step=2, layer=3)
    a = np.float32(1.25)
    assert mask.tolist() == [[a, a, a, a, 0, a, a, a], [a, a, a, a, a, a, a, a]]


def test_vectors_of_the_document() -> None:
    text = (Path(__file__).parents[1] / "docs" / "batches.md").read_text()
    rows = re.findall(
        r"^\| (.+) \| `(\w{16})` \| (\d+) \| `([01]{16})` \|$", text, re.MULTILINE
    )
    assert len(rows) == 3
    for names, key, first, kept in rows:
        name = [eval(n.replace("^", "**")) for n in names.split(" | ")]
        seed, step, layer, rate = name
        assert f"{oracle.fold(seed, step, DROPOUT, layer):016x}" == key
        mask = dropout_mask(
            (16,), rate, seed=seed, step=step, layer=layer, first_row=int(first)
        )
        assert "".join("01"[bool(number)] for number in mask) == kept


@given(cut=st.integers(0, 6), before=st.integers(0, 2**40), rate=RATES)
def test_parts_are_slices_of_the_whole(cut: int, before: int, rate: float) -> None:
    whole = dropout_mask((6, 3, 2), rate, first_row=before, **NAME)
    first = dropout_mask((cut, 3, 2), rate, first_row=before, **NAME)
    second = dropout_mask((6 - cut, 3, 2), rate, first_row=before + cut, **NAME)
    assert np.array_equal(np.concatenate([first, second]), whole)


def test_rate_0_is_all_ones() -> None:
    assert (dropout_mask((4, 5), 0, **NAME) == 1).all()


def test_rates_zeros_are_part_of_a_higher_rates() -> None:
    few, many = (dropout_mask((40, 50), rate, **NAME) == 0 for rate in (0.2, 0.6))
    assert (many | ~few).all() and many.sum() > few.sum() > 0


def test_every_call_gives_a_new_array() -> None:
    first = dropout_mask((4, 5), 0.5, **NAME)
    kept = first.copy()
    dropout_mask((4, 5), 0.5, **{**NAME, "step": 6})[...] = 7
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5, 0.9])
def test_as_many_are_0_as_the_rate_says_and_the_mean_stays_1(rate: float) -> None:
    count = 4000
    mask = dropout_mask((40, 100), rate, dtype=np.float64, **NAME)
    deviation = math.sqrt(rate * (1 - rate) / count)
    share = float((mask == 0).mean())
    assert abs(share - rate) < 5 * deviation
    assert abs(mask.mean() - 1) < 5 * deviation / (1 - rate)


@pytest.mark.parametrize(
    "other",
    [{"seed": 4}, {"step": 6}, {"layer": 3}, {"step": 2, "layer": 5}, {"first_row": 1}],
)
def test_masks_of_other_names_are_unrelated(other: dict[str, int]) -> None:
    base, changed = (
        dropout_mask((40, 100), 0.5, dtype=np.float64, **name) - 1
        for name in (NAME, NAME | other)
    )
    # Of numbers +1 and -1: 5 standard deviations of the mean of their products.
    assert abs((base * changed).mean()) < 5 / math.sqrt(base.size)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, math.nan, math.inf])
def test_a_rate_outside_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate is from 0 to below 1"):
        dropout_mask((2, 2), rate, **NAME)


@pytest.mark.parametrize("name", ["seed", "step", "layer", "first_row"])
@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_number_outside_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} is from 0 to 2\\*\\*64 - 1"):
        dropout_mask((2, 2), 0.5, **{**NAME, name: value})


def test_half_a_step_is_refused() -> None:
    with pytest.raises(TypeError):
        dropout_mask((2, 2), 0.5, **{**NAME, "step": 0.5})  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float16, np.int32, ">f4"])
def test_another_dtype_is_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match="float32 or float64"):
        dropout_mask((2, 2), 0.5, dtype=dtype, **NAME)
