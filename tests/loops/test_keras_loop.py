"""Keras's loop on its three backends, by checks in a process of their own each."""

import json
from functools import cache

import pytest

from tests.adapting import run_child
from tests.loops.keras_child import CHECKS, LOOP_OF


@cache
def found(backend: str) -> dict[str, str]:
    """What each check came to: all of a backend in one process, for its start is dear."""
    for framework in (backend, "keras"):
        pytest.importorskip(framework)
    lines = run_child("-m", "tests.loops.keras_child", backend).splitlines()
    checks: dict[str, str] = json.loads(lines[-1])
    return checks


@pytest.mark.long
@pytest.mark.timeout(600)  # the first one of a backend waits for all of them
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("backend", LOOP_OF)
def test_check(backend: str, name: str) -> None:
    failure = found(backend)[name]
    assert not failure, failure
