"""The state of a walk through batches: three integers, and what they are valid for."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from idxdata.augmentation import Augmentation
from idxdata.errors import DatasetError, PlanError
from idxdata.plan import Plan
from idxdata.split import Split

_KEYS = ("seed", "epoch", "step", "data", "order")


@dataclass(frozen=True, slots=True)
class Validity:
    """What a state is valid for: SHA-256 of the data, and of plan and augmentation."""

    seed: int
    data: str
    order: str

    @classmethod
    def of(
        cls, split: Split, plan: Plan, augmentation: Augmentation | None
    ) -> "Validity":
        """Hashes the data, unless the cache knows its digest."""
        if augmentation is not None and augmentation.is_identity:
            augmentation = None
        facts = [plan.describe(), augmentation and augmentation.describe()]
        text = json.dumps(facts, sort_keys=True)
        order = hashlib.sha256(text.encode()).hexdigest()
        return cls(plan.seed, split.digest, order)


def make_state(position: tuple[int, int], valid_for: Validity) -> dict[str, int | str]:
    """See `Batches.state`."""
    epoch, step = position
    return {
        "seed": valid_for.seed,
        "epoch": epoch,
        "step": step,
        "data": valid_for.data,
        "order": valid_for.order,
    }


def read_state(
    state: Mapping[str, object], valid_for: Validity, num_steps: int
) -> tuple[int, int]:
    """Epoch and step in `state`; raises as `Batches.restore` says."""
    if not isinstance(state, Mapping) or set(state) != set(_KEYS):
        raise PlanError(
            "not a state of batches", expected=f"the keys {', '.join(_KEYS)}"
        )
    if state["data"] != valid_for.data:
        raise DatasetError(
            "the state was taken on other data",
            expected=f"the SHA-256 {valid_for.data}",
            found=state["data"],
        )
    if state["seed"] != valid_for.seed or isinstance(state["seed"], bool):
        raise PlanError(
            "the state was taken with another seed",
            expected=valid_for.seed,
            found=state["seed"],
        )
    if state["order"] != valid_for.order:
        raise PlanError(
            "the state was taken with another plan or augmentation",
            hint="batch size, order, last_batch, subset and augmentation must be the "
            "same; ranks may differ",
        )
    epoch = _number("epoch", state["epoch"], 2**64 + 1)
    return epoch, _number("step", state["step"], num_steps)


def _number(name: str, value: object, end: int) -> int:
    if type(value) is not int or not 0 <= value < end:
        raise PlanError(
            f"the state's {name} is out of range",
            expected=f"an integer from 0 to {end - 1}",
            found=repr(value),
        )
    return value
