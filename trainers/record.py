"""What a training run leaves behind: one RunRecord, one line of JSON."""

from dataclasses import dataclass
from typing import Any

from trainers.metrics import Metrics

SCHEMA_VERSION = 3


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the train split; times in seconds, evaluation not in them.

    `data_s` waits for batches, None where the framework fetches them by itself;
    `compute_s` is in calls of the train step, `loop_s` is what is left of `total_s`.
    Where steps are asynchronous (JAX, and any loop on a GPU) a call only dispatches its
    step: waiting for the results is then in `loop_s`, and the sum of the two says what
    computing took. They are of `timed_steps` steps: fewer than an epoch's where a run
    was resumed within it.
    `mean_loss` weights each step by its number of examples. `test_accuracy` is there to
    be looked at: nothing is chosen by it. `validation_*` are None without validation.
    """

    total_s: float
    data_s: float | None
    compute_s: float
    loop_s: float
    timed_steps: int
    mean_loss: float
    test_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class ValidationRecord:
    """One of `num_folds` parts of the train split was held out to choose by.

    `best_epoch`, from 0, has the least validation loss, `best_loss`. `stopped_early`:
    that there was nothing better for too long ended the run.
    """

    num_folds: int
    num_examples: int
    best_epoch: int
    best_loss: float
    stopped_early: bool


@dataclass(frozen=True, slots=True)
class Digests:
    """SHA-256 of what must be equal for two runs to be comparable.

    `data`: the dataset. `order`: row numbers of all epochs asked for. `weights`: the
    initial weights. `batches`: the first epoch's tensors as the framework receives
    them, made once more after training, so that hashing them disturbs no timing.
    """

    data: str
    order: str
    weights: str
    batches: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One model trained once by one loop, in its own process.

    Times in seconds. `import_s` imports the framework, `build_s` configures it (on JAX
    that starts its client) and makes the model with its weights, `first_step_s` is the
    first train step (tracing and compiling included) and `warmup_s` the whole warm-up,
    after which weights and optimiser are set back.
    `loop` is a name of `trainers.loops.LOOPS`. `losses` has each step's batch mean, all
    epochs in a row. `flags` is what the loop says of itself: versions, threads,
    precision, layout. `final_weights` is the SHA-256 of the last weights in their own
    precision (`checkpoints.arrays_digest`). `resumed_at` has epoch and step of each
    checkpoint that the run went on from. `is_bit_comparable`: as `Recipe` has it;
    without it other loops have other dropout masks.

    `num_ranks`: how many processes trained it together; times and memory are of rank 0.

    `metrics` are of the test split, with the last weights, or with the best ones if
    there was a validation part; then `last_metrics` are those of the last ones.
    """

    schema_version: int
    recipe: str
    loop: str
    framework: str
    dataset: str
    seed: int
    batch_size: int
    num_parameters: int
    is_bit_comparable: bool
    precision: str
    device: str
    flags: dict[str, Any]
    digests: Digests
    import_s: float
    build_s: float
    first_step_s: float
    warmup_s: float
    peak_rss_bytes: int
    epochs: list[EpochRecord]
    losses: list[float]
    final_weights: str
    resumed_at: list[tuple[int, int]]
    validation: ValidationRecord | None
    metrics: Metrics
    last_metrics: Metrics | None
    num_ranks: int = 1
