"""What importing costs, and what happens where a framework is missing."""

import subprocess
import sys
from pathlib import Path

import pytest


def run_python(code: str) -> str:
    """Standard output of `code` in a fresh process with warnings as errors."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_import_loads_no_numba_and_no_framework() -> None:
    loaded = run_python(
        "import sys, threading, idxdata, idxdata.adapters; "
        "heavy = {'numba', 'llvmlite', 'torch', 'tensorflow', 'keras', 'jax', 'ray', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)), threading.active_count())"
    )
    assert loaded == "[] 1"


def test_reading_needs_no_numba(tmp_path: Path) -> None:
    loaded = run_python(
        "import sys, numpy, idxdata\n"
        f"path = {str(tmp_path / 'x.gz')!r}\n"
        "idxdata.write_idx(path, numpy.arange(9, dtype='i4'))\n"
        "print(idxdata.read_idx(path).sum(), 'numba' in sys.modules)"
    )
    assert loaded == "36 False"


@pytest.mark.parametrize("name", ["torch", "tensorflow", "jax", "ray"])
def test_missing_framework_says_what_to_install(name: str) -> None:
    message = run_python(
        f"import sys; sys.modules[{name!r}] = None\n"
        "import idxdata\n"
        "try:\n"
        f"    import idxdata.adapters.{name}\n"
        "except idxdata.MissingFrameworkError as error:\n"
        "    assert isinstance(error, ImportError)\n"
        "    print(error.package, '|', error)"
    )
    assert message == (
        f"{name} | {name} is not installed; pip install 'idxdata[{name}]'"
    )


def test_everything_public_is_named() -> None:
    import idxdata

    assert sorted(idxdata.__all__) == idxdata.__all__
    for name in idxdata.__all__:
        assert getattr(idxdata, name).__doc__
