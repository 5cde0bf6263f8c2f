"""Kernels where numba has nowhere to put its cache."""

from typing import Any

import numba
import pytest

from idxdata._kernels.jit import kernel


def test_without_a_cache_folder_kernels_are_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    njit = numba.njit

    def without_cache(*arguments: Any, **options: Any) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*arguments, **options)

    monkeypatch.setattr(numba, "njit", without_cache)

    def double(number: int) -> int:
        return number + number

    assert kernel(double)(21) == 42
