"""The code that hosts run: taken along, and known by a digest."""

import hashlib
import shutil
from pathlib import Path

PACKAGES = ("idxdata", "trainers", "benchmarks")
ROOT = Path(__file__).parents[2]

_MADE = ("__pycache__", "*.pyc", "*.nbi", "*.nbc")


def code_digest(root: Path = ROOT) -> str:
    """Of every file of the packages, but for what Python and numba make of them."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                content = path.read_bytes()
                name = path.relative_to(root).as_posix()
                digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def copy_code(target: Path, root: Path = ROOT) -> None:
    """The packages alone into the folder `target`: no data, results, environments."""
    for package in PACKAGES:
        shutil.copytree(
            root / package, target / package, ignore=shutil.ignore_patterns(*_MADE)
        )
