"""Fixtures for all tests: where data lies, a cache of our own, hypothesis profiles."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from idxdata import Dataset, Split, gunzip
from idxdata.engine import choose_engine

hypothesis.settings.register_profile("dev", max_examples=100, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=300, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# XLA's pool has one size for all of a process: that of the jobs tested in this one.
os.environ.setdefault("PJRT_NPROC", "1")

# Ray reads the first when it is imported: without, it listens on all addresses.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"

# Started by nohup or behind an "&", Ctrl-C is ignored, and by all children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

DATA_VARIABLE = "IDXDATA_TEST_DATA"
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    limit_tensorflow()


def limit_tensorflow() -> None:
    """TensorFlow's pools have one size for all of a process as well.

    For tests that import it themselves, before it computes anything.
    """
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is not None and hasattr(tensorflow, "config"):
        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)


@pytest.fixture(scope="session", autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Every test, and every process a test starts, uses this cache and no network."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IDXDATA_CACHE", str(folder))
        patch.setenv("IDXDATA_OFFLINE", "1")
        yield folder


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """Loops have PyTorch flush denormal numbers in all of the process: no more of that.

    hypothesis's floats need them.
    """
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)


@pytest.fixture(scope="module", autouse=True)
def jax_settings() -> Iterator[None]:
    """JAX's switches, which its loop sets for all of the process, are set back."""
    yield
    jax = sys.modules.get("jax")
    if jax is not None and hasattr(jax, "config"):
        jax.config.update("jax_enable_x64", False)
        jax.config.update("jax_default_matmul_precision", None)
        jax.config.update("jax_default_device", None)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with the four real MNIST files."""
    base = Path(os.environ.get(DATA_VARIABLE) or SHARED_DATA)
    for folder in (base / "mnist", base):
        if (folder / "train-images-idx3-ubyte.gz").is_file():
            return folder
    pytest.skip(f"no MNIST files: set {DATA_VARIABLE} to their folder")


@pytest.fixture(scope="module", params=["numba", "zlib"])
def each_engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs twice: `engine="auto"` is the one, then the other."""

    def choose(engine: str, nbytes: int | None) -> str:
        return request.param if engine == "auto" else choose_engine(engine, nbytes)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gunzip, "choose_engine", choose)
        yield request.param


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked `volume` decode megabytes, which takes an interpreted kernel minutes."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if (
        item.get_closest_marker("volume")
        and params.get("each_engine") == "numba"
        and os.environ.get("NUMBA_DISABLE_JIT") == "1"
    ):
        pytest.skip("too much data for a kernel that is not compiled")


@pytest.fixture
def small_dataset() -> Dataset:
    """300 + 100 random 28x28 images of ten classes, the same ones every time."""
    random = np.random.default_rng(0)

    def split(count: int) -> Split:
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        return Split(images, random.integers(0, 10, count, dtype=np.uint8))

    classes = tuple(str(digit) for digit in range(10))
    return Dataset("small", split(300), split(100), classes)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the examples of a property share."""
    return tmp_path_factory.mktemp("idx")
