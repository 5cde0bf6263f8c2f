"""The split of an epoch's time, with a clock that the test moves."""

import numpy as np
import pytest

from trainers import timing


def test_time_goes_to_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def pass_time(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(timing.time, "perf_counter", lambda: now)

    def pairs():
        for size in (4, 4, 2):
            pass_time(1.0)
            yield "images", np.zeros(size)
        pass_time(0.5)

    def step(images, labels):
        pass_time(10.0)
        return len(labels)

    def to_floats(losses):
        pass_time(100.0)
        return [float(loss) for loss in losses]

    epoch = timing.timed_epoch(step, to_floats, pairs())
    assert epoch.data_s == 3.5
    assert epoch.compute_s == 30
    assert epoch.total_s == 133.5
    assert epoch.losses == [4, 4, 2]
    assert epoch.batch_sizes == [4, 4, 2]

    # A tick between any two steps, and at the end; its own time counts nowhere.
    seen = []

    def tick(losses, batch_sizes):
        pass_time(1000.0)
        seen.append((list(losses), list(batch_sizes)))

    ticked = timing.timed_epoch(step, to_floats, pairs(), tick)
    assert seen[0] == ([4], [4])
    assert seen[-1] == ([4, 4, 2], [4, 4, 2])
    assert len(seen) == 4
    assert (ticked.data_s, ticked.compute_s) == (3.5, 30)
    assert ticked.total_s == 33.5 + 3 * 100
    assert ticked.losses == [4, 4, 2]
