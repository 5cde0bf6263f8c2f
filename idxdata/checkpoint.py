"""The state of a walk through batches: three integers, and what they are valid for."""

import hashlib
import json
from collections.abc import Mapping

from idxdata.augmentation import Augmentation
from idxdata.dataset import Split
from idxdata.errors import DatasetError, PlanError
from idxdata.plan import Plan

_KEYS = ("seed", "epoch", "step", "data", "order")


def make_state(
    position: tuple[int, int],
    split: Split,
    plan: Plan,
    augmentation: Augmentation | None,
) -> dict[str, int | str]:
    """See `Batches.state`."""
    return {
        "seed": plan.seed,
        "epoch": position[0],
        "step": position[1],
        "data": split.digest,
        "order": _order_digest(plan, augmentation),
    }


def read_state(
    state: Mapping[str, object],
    split: Split,
    plan: Plan,
    augmentation: Augmentation | None,
) -> tuple[int, int]:
    """Epoch and step in `state`; raises as `Batches.restore` says."""
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
    epoch = _number("epoch", state["epoch"], 2**64 + 1)
    return epoch, _number("step", state["step"], plan.num_steps)


def _number(name: str, value: object, end: int) -> int:
    if type(value) is not int or not 0 <= value < end:
        raise PlanError(
            f"the state's {name} is out of range",
            expected=f"an integer from 0 to {end - 1}",
            found=repr(value),
        )
    return value


def _order_digest(plan: Plan, augmentation: Augmentation | None) -> str:
    if augmentation is not None and augmentation.is_identity:
        augmentation = None
    facts = [plan.describe(), augmentation and augmentation.describe()]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
