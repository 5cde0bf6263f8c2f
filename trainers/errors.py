"""Errors of recipes, loops and checkpoints; the message form is `IdxDataError`'s."""

from idxdata.errors import IdxDataError


class RecipeError(IdxDataError, ValueError):
    """A recipe is unknown, cannot be read, contradicts itself or does not fit the data."""


class LoopError(IdxDataError, ValueError):
    """A loop is unknown, or cannot do what it is asked for in this process."""


class LaunchError(IdxDataError, ValueError):
    """The processes of a run were started in a way that does not go with it, or differ."""


class RankLostError(IdxDataError, RuntimeError):
    """Another process of the run is gone, or was not heard of in time."""


class DeviceError(IdxDataError, RuntimeError):
    """The device asked for is not there, or the framework cannot use it."""


class CheckpointError(IdxDataError, ValueError):
    """A file of weights or a checkpoint is damaged, or of another recipe, loop or run."""


class QuotedError(IdxDataError, ValueError):
    """A quoted recipe is unknown, cannot be read or does not fit the data, or a row of
    its results is damaged.
    """


class MetricsError(IdxDataError, ValueError):
    """Logits, probabilities and labels that cannot be judged together."""


class DivergedError(IdxDataError, ArithmeticError):
    """A loss, or what the model says after a step, is not finite.

    `epoch` and `step` count from 0; `step` is the one whose loss it is, or the last one
    before the model was asked.
    """

    def __init__(self, what: str, epoch: int, step: int, hint: str | None) -> None:
        super().__init__(
            f"{what} epoch {epoch}, step {step} is not finite",
            expected="finite numbers",
            hint=hint,
        )
        self.epoch = epoch
        self.step = step
