"""Whether a checkpoint can be gone on from: where it stands, and what made it."""

from collections.abc import Mapping
from typing import Any

from trainers.checkpoints import Checkpoint
from trainers.errors import CheckpointError
from trainers.loops import Loop


def made_with(loop: Loop, flags: Mapping[str, Any]) -> dict[str, int | str]:
    """Threads and versions, which bits may depend on. `flags`: of `configure`."""
    made = {"threads": flags["threads"], loop.adapter: flags["version"]}
    if "ranks" in flags:
        made["ranks"] = flags["ranks"]
    if loop.is_fit:
        made["keras"] = flags["keras"]
    return made


def warning(
    before: Mapping[str, int | str], now: Mapping[str, int | str]
) -> str | None:
    """What differs between the two, in words; None if nothing does."""
    # What trains alone says nothing of ranks.
    before, now = {"ranks": 1, **before}, {"ranks": 1, **now}
    parts = [
        f"{name} {before.get(name, 'unknown')}, now {now[name]}"
        for name in now
        if before.get(name) != now[name]
    ]
    if not parts:
        return None
    return (
        f"the checkpoint was made with {'; '.join(parts)}: the last bits may be others "
        "than without a stop"
    )


def check_place(checkpoint: Checkpoint, num_steps: int) -> None:
    """Raises `CheckpointError` unless all of it is of one step; `num_steps`: an epoch's.

    `epoch` and `step` must have as many steps before them as the optimiser's state and
    the losses say, and as many epochs.
    """
    done = checkpoint.epoch * num_steps + checkpoint.step
    if checkpoint.step > num_steps:
        _fail("step", f"at most {num_steps}", checkpoint.step)
    if len(checkpoint.losses) != done:
        _fail("losses", done, len(checkpoint.losses))
    if len(checkpoint.epochs) != checkpoint.epoch:
        _fail("epochs", checkpoint.epoch, len(checkpoint.epochs))
    step = checkpoint.state.get("step")
    if step is None or step.shape or step.dtype.kind not in "iu":
        _fail("optimiser's step", done, step)
    elif int(step) != done:
        _fail("optimiser's step", done, int(step))


def _fail(part: str, expected: object, found: object) -> None:
    raise CheckpointError(
        f"the checkpoint's {part} and its epoch and step do not go together",
        expected=expected,
        found=found,
    )
