"""Ray on this machine alone, small, and quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("ray")

import ray
import ray.data

ROOT = Path(__file__).parents[2]
STORE_NBYTES = 200 << 20


@contextmanager
def settings() -> Iterator[None]:
    """Workers import this package from here. Other settings: tests/conftest.py."""
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        yield


def quiet() -> None:
    """For the driver's context: no bars, and errors only where they are raised."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False


@contextmanager
def local_ray() -> Iterator[None]:
    """Ray with two CPUs, on loopback."""
    with settings():
        ray.init(
            num_cpus=2,
            object_store_memory=STORE_NBYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="error",
            _node_ip_address="127.0.0.1",
        )
        try:
            quiet()
            yield
        finally:
            ray.shutdown()
