"""What `make fuzz` starts from, and what it has found worth keeping, once each."""

from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import check

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name[:8])
def test_corpus(path: Path) -> None:
    check(path.read_bytes())


@pytest.mark.parametrize("data", seeds(), ids=lambda data: f"{len(data)}-bytes")
def test_seed(data: bytes) -> None:
    check(data)
