"""The state of a walk through batches: three integers, and what they are valid for."""

import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass

from idxdata.augmentation import Augmentation
from idxdata.dataset import Split
from idxdata.errors import DatasetError, PlanError
from idxdata.plan import Plan

_KEYS = ("seed", "epoch", "step", "data", "order")


@dataclass(frozen=True, slots=True)
class Position:
    """The batch that comes next. `step` is below the plan's `num_steps`."""

    epoch: int
    step: int

    @classmethod
    def after(cls, epoch: int, step: int, num_steps: int) -> "Position":
        """What follows that batch."""
        epoch, step = operator.index(epoch), operator.index(step)
        return cls(epoch, step + 1) if step + 1 < num_steps else cls(epoch + 1, 0)


def make_state(
    position: Position, split: Split, plan: Plan, augmentation: Augmentation | None
) -> dict[str, int | str]:
    """See `Batches.state`."""
    return {
        "seed": plan.seed,
        "epoch": position.epoch,
        "step": position.step,
        "data": split.digest,
        "order": _order_digest(plan, augmentation),
    }


def read_state(
    state: Mapping[str, object],
    split: Split,
    plan: Plan,
    augmentation: Augmentation | None,
) -> Position:
    """The position in `state`; raises as `Batches.restore` says."""
    if not isinstance(state, Mapping) or set(state) != set(_KEYS):
        raise PlanError(
            "not a state of batches", expected=f"the keys {', '.join(_KEYS)}"
        )
    if state["data"] != split.digest:
        raise DatasetError(
            "the state was taken on other data",
            expected=f"the SHA-256 {split.digest}",
            found=state["data"],
        )
    if state["seed"] != plan.seed or isinstance(state["seed"], bool):
        raise PlanError(
            "the state was taken with another seed",
            expected=plan.seed,
            found=state["seed"],
        )
    if state["order"] != _order_digest(plan, augmentation):
        raise PlanError(
            "the state was taken with another plan or augmentation",
            hint="batch size, order, last_batch, subset and augmentation must be the "
            "same; ranks may differ",
        )
    return Position(
        _number("epoch", state["epoch"], 2**64),
        _number("step", state["step"], plan.num_steps),
    )


def _number(name: str, value: object, end: int) -> int:
    if type(value) is not int or not 0 <= value < end:
        raise PlanError(
            f"the state's {name} is out of range",
            expected=f"an integer from 0 to {end - 1}",
            found=repr(value),
        )
    return value


def _order_digest(plan: Plan, augmentation: Augmentation | None) -> str:
    facts = [plan.describe(), augmentation and augmentation.describe()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
