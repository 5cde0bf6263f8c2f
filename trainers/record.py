"""What a training run leaves behind: one RunRecord, one line of JSON."""

from dataclasses import dataclass
from typing import Any

from trainers.metrics import Metrics

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the train split; times in seconds, evaluation not in them.

    `data_s` waits for batches, `compute_s` is in train steps, `loop_s` is what is
    left of `total_s`. `mean_loss` weights each step by its number of examples.
    """

    total_s: float
    data_s: float
    compute_s: float
    loop_s: float
    mean_loss: float
    test_accuracy: float


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of what must be equal for two runs to be comparable.

    `data`: the dataset. `order`: row numbers of all epochs. `weights`: the initial
    weights. `batches`: the first epoch's tensors as the framework receives them, made once
    more after training, so that hashing them disturbs no timing.
    """

    data: str
    order: str
    weights: str
    batches: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One model trained once in one framework, in its own process.

    Times in seconds. `import_s` imports the framework, `build_s` makes the model,
    `first_step_s` is the first train step (tracing and compiling included) and
    `warmup_s` the whole warm-up, after which weights and optimiser are set back.
    `loop_form` is the
    framework's way of running steps (eager, compiled, ...). `losses` has each step's batch mean, all epochs in a row. `flags` is what the
    loop says of itself: versions, threads, precision, layout.
    """

    schema_version: int
    recipe: str
    framework: str
    loop_form: str
    dataset: str
    seed: int
    batch_size: int
    num_parameters: int
    flags: dict[str, Any]
    digests: Digests
    import_s: float
    build_s: float
    first_step_s: float
    warmup_s: float
    peak_rss_bytes: int
    epochs: list[EpochRecord]
    losses: list[float]
    metrics: Metrics
