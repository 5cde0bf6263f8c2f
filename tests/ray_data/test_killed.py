"""Two raylets read; one is killed in the middle, with what it has read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.ray_data.local import STORE_NBYTES, quiet, settings
from tests.ray_data.shards import in_order, make_shards, same_bits

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from idxdata.adapters import ray as adapter

pytestmark = pytest.mark.distributed


def test_a_raylet_is_killed_in_the_middle(tmp_path: Path) -> None:
    made = make_shards(tmp_path, (700, 300, 5), containers=("raw", "gz"))
    seen = tmp_path / "seen"
    seen.mkdir()

    def slowly(batch: dict[str, Any]) -> dict[str, Any]:
        import time

        import ray

        node = ray.get_runtime_context().get_node_id()
        (seen / f"{node}-{batch['row'][0]}").touch()
        time.sleep(0.2)
        return batch

    with settings():
        node = {"num_cpus": 1, "object_store_memory": STORE_NBYTES // 2}
        place = {"node_ip_address": "127.0.0.1"}
        cluster = Cluster(
            initialize_head=True,
            head_node_args={**node, **place, "include_dashboard": False},
        )
        try:
            other = cluster.add_node(**node, **place)
            ray.init(
                address=cluster.address,
                log_to_driver=False,
                logging_level="critical",
                _node_ip_address="127.0.0.1",
            )
            quiet()
            dataset = adapter.read_idx(
                [str(path) for path in made.image_paths],
                [str(path) for path in made.label_paths],
                row_column="row",
                override_num_blocks=30,
            ).map_batches(slowly, batch_format="numpy", batch_size=None)
            parts = []
            is_killed = False
            for batch in dataset.iter_batches(batch_size=None, prefetch_batches=0):
                parts.append({name: np.array(part) for name, part in batch.items()})
                if not is_killed and any(seen.glob(f"{other.node_id}-*")):
                    cluster.remove_node(other, allow_graceful=False)
                    is_killed = True
        finally:
            ray.shutdown()
            cluster.shutdown()
    assert is_killed
    found = in_order(parts)
    assert same_bits(found["image"], made.images)
    assert same_bits(found["label"], made.labels)
