"""The README's Python examples run as they stand."""

import re
from pathlib import Path

import pytest

from tests.conftest import limit_tensorflow

EXAMPLES = re.findall(
    r"```python\n(.*?)```",
    (Path(__file__).parents[1] / "README.md").read_text(),
    flags=re.DOTALL,
)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_runs(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = EXAMPLES[number]
    for framework in ("torch", "tensorflow", "jax"):
        if f"adapters import {framework}" in code or f'loop="{framework}' in code:
            pytest.importorskip(framework)
    limit_tensorflow()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"README.md, example {number}", "exec"), {})  # noqa: S102


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 8
