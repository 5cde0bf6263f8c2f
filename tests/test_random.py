"""Random numbers by position: the published vectors, laws, and their statistics."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idxdata._kernels import random
from idxdata.order.permutation import round_constants
from tests import augment_oracle

WORDS = st.integers(0, 2**64 - 1)
KEY = np.uint64(12345)


@pytest.fixture(autouse=True, scope="module")
def _modulo() -> Iterator[None]:
    # Interpreted uint64 scalars warn where they wrap.
    with np.errstate(over="ignore"):
        yield


def test_words_of_key_zero_are_splitmix64s() -> None:
    # The first outputs of splitmix64 from state 0, as published with its C source.
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(random.word(np.uint64(0), np.uint64(n))) for n in range(3)] == expected


@given(key=WORDS, n=WORDS)
def test_words_are_plain_pythons(key: int, n: int) -> None:
    assert random.word(np.uint64(key), np.uint64(n)) == augment_oracle.word(key, n)


@given(seed=WORDS, epoch=WORDS, use=WORDS, row=WORDS)
def test_keys_are_plain_pythons(seed: int, epoch: int, use: int, row: int) -> None:
    numbers = [np.uint64(number) for number in (seed, epoch, use, row)]
    expected = augment_oracle.fold(seed, epoch, use, row)
    assert random.example_key(*numbers) == expected


def test_vectors_of_the_document() -> None:
    text = (Path(__file__).parents[1] / "docs" / "batches.md").read_text()
    rows = re.findall(
        r"^\| (.+) \| `(\w{16})` \| `(\w{16})` \| `(\w{16})` \|$", text, re.MULTILINE
    )
    assert len(rows) == 4
    for names, *words in rows:
        name = [int(eval(n.replace("^", "**"))) for n in names.split(" | ")]
        key = random.example_key(*(np.uint64(number) for number in name))
        found = [key, *(random.word(np.uint64(key), np.uint64(n)) for n in range(2))]
        assert [f"{int(word):016x}" for word in found] == words


def test_an_epochs_order_has_the_words_of_its_key() -> None:
    # The text of both modules says so; the uses fold on from there.
    key = augment_oracle.fold(7, 3)
    multipliers, addends = round_constants(7, 3)
    words = [augment_oracle.word(key, n) for n in range(len(addends))]
    assert [word >> 32 for word in words] == addends.tolist()
    assert [word & 0xFFFFFFFF | 1 for word in words] == multipliers.tolist()


@given(key=WORDS, n=st.integers(0, 2**20))
def test_uniform_is_24_bits_of_the_word(key: int, n: int) -> None:
    number = random.uniform(np.uint64(key), np.uint64(n))
    assert float(number) * 2**24 == augment_oracle.word(key, n) >> 40
    assert 0 <= number < 1


@given(key=WORDS, count=st.integers(1, 2**24 - 1))
def test_below_is_below(key: int, count: int) -> None:
    number = random.below(np.uint64(key), np.uint64(0), count)
    assert 0 <= number < count
    assert number == (augment_oracle.word(key, 0) >> 40) * count // 2**24


def test_uniform_numbers_are_uniform_and_unrelated() -> None:
    count = 4000
    numbers = np.array([random.uniform(KEY, np.uint64(n)) for n in range(count)])
    # 5 standard deviations of each statistic.
    assert abs(numbers.mean() - 0.5) < 5 * np.sqrt(1 / 12 / count)
    bins = np.bincount((numbers * 16).astype(int), minlength=16)
    assert ((bins - count / 16) ** 2).sum() / (count / 16) < 15 + 5 * np.sqrt(30)
    centred = numbers - numbers.mean()
    for lag in (1, 2, 28):
        related = (centred[lag:] * centred[:-lag]).mean() / centred.var()
        assert abs(related) < 5 / np.sqrt(count)


def test_neighbouring_keys_are_unrelated() -> None:
    # Seed 7 epoch 1 must not be seed 8 epoch 0, nor rows shifted copies.
    def numbers(seed: int, epoch: int, row: int) -> np.ndarray:
        use = random.AUGMENTATION
        name = (np.uint64(seed), np.uint64(epoch), use, np.uint64(row))
        # A compiled kernel returns a Python int, which would come back as an int64.
        key = np.uint64(random.example_key(*name))
        return np.array([random.uniform(key, np.uint64(n)) for n in range(500)])

    base = numbers(7, 1, 5) - 0.5
    for other in ((8, 0, 5), (7, 2, 4), (7, 1, 6), (7, 2, 5), (8, 1, 5)):
        related = (base * (numbers(*other) - 0.5)).mean() * 12
        assert abs(related) < 5 / np.sqrt(500)


def test_uses_have_numbers_of_their_own() -> None:
    row = np.uint64(0)
    keys = {
        int(random.example_key(row, row, use, row))
        for use in (random.AUGMENTATION, random.DROPOUT)
    }
    assert len(keys) == 2


def test_both_halves_of_a_word_differ() -> None:
    bits = np.uint64(0x123456_789ABC_DEF0)
    assert random.high24(bits) == 0x123456
    assert random.middle24(bits) == 0x789ABC
