"""The split of an epoch's time, with a clock that the test moves."""

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
            yield "images", [0] * size
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
