"""Train one recipe by one loop: the one place where data, loop and recipe meet."""

import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset, load
from trainers.metrics import Metrics, compute_metrics, probabilities
from trainers.monitor import Event
from trainers.npz import arrays_digest
from trainers.options import RunOptions
from trainers.record import SCHEMA_VERSION, Digests, RunRecord, ValidationRecord
from trainers.session import Session
from trainers.weights import Weights, initial_weights, weights_digest

WARMUP_STEPS = 10


def run(options: RunOptions, on_event: Event) -> RunRecord:
    """Train and evaluate.

    Warm-up: the first steps of epoch 0 and its last, perhaps shorter, batch are trained
    on and the test split is evaluated, then weights and optimiser are set back, so what
    is timed starts from the initial weights, or the checkpoint's, with everything
    compiled.

    `on_event` gets dicts of JSON values, told apart by "event": "start"; "progress",
    twice a second and at each epoch's end, with "epoch", "step" (done), "steps", "loss"
    (mean since the pass began), "examples_per_s", "data_share" (None if not known) and
    "eta_s"; "checkpoint" with "path", "epoch" and "step" (next); "epoch"; "stopped";
    and "record" with the `RunRecord` as a dict. None of them is sent inside a timed
    region.

    A run that was resumed has the bits of one that was not, on the same machine, number
    of threads and versions, where the loop's arithmetic repeats itself. Where threads
    or versions differ, a "warning" with its "text" comes before "start".

    With `options.launch` this is one of several processes that train one model together,
    each on its slice of every global batch: docs/distributed.md. Events, files and
    anything else that is told come from rank 0; the record is the same on all but for
    times and memory, which are each process's own.

    Raises `RecipeError` for a recipe that does not fit the data, `DivergedError` for a
    loss that is not finite, `CheckpointError` for a folder that another run has, that
    cannot be used or not be resumed, `DeviceError`, `LoopError`,
    `MissingFrameworkError`, `LaunchError` if processes of one run differ,
    `RankLostError` if one is gone, and the errors of `idxdata.load`.
    """
    data = options.data
    dataset = data if isinstance(data, Dataset) else load(data)
    session = Session(options, dataset, on_event)
    with session.folder.held(), session.watched_ranks():
        record = _run(session)
        if session.sum_over_ranks is not None:
            # Nobody leaves before rank 0 has written all.
            session.sum_over_ranks(np.zeros(1))
    return record


def _run(session: Session) -> RunRecord:
    options, on_event = session.options, session.on_event
    checkpoint = session.folder.open(resume=options.resume)
    weights = initial_weights(session.recipe, options.seed)
    session.check_ranks(checkpoint)
    startup = _start(session, weights)
    if checkpoint is not None:
        session.restore(checkpoint)
    on_event(_start_event(session))
    if checkpoint is None:
        session.save()
    logits = _train(session)
    record = _record(session, startup, weights, logits)
    values = asdict(record)
    session.folder.save_record(values)
    on_event({"event": "record", "record": values})
    return record


@dataclass(frozen=True, slots=True)
class _Startup:
    """Seconds, see `RunRecord`."""

    build_s: float
    first_step_s: float
    warmup_s: float


def _start(session: Session, weights: Weights) -> _Startup:
    """Make the model, warm it up, set it back."""
    begin = time.perf_counter()
    session.build(weights)
    built = time.perf_counter()
    first_step_s = _first_steps(session)
    pairs = session.feed.eval_pairs(session.feed.test, session.options.device)
    session.module.predict(session.trainer, pairs)
    warmup_s = time.perf_counter() - built
    session.module.load_weights(session.trainer, weights)
    build_s = session.configure_s + built - begin
    return _Startup(build_s, first_step_s, warmup_s)


def _first_steps(session: Session) -> float:
    """Train on every size of batch there is; seconds of the first step."""
    device, num_steps = session.options.device, session.feed.num_steps
    module, trainer = session.module, session.trainer
    if session.loop.is_fit:
        begin = time.perf_counter()
        module.train_epoch(trainer, session.feed.train_pairs(0, 0, device), 1)
        first_step_s = time.perf_counter() - begin
        first = session.feed.train_pairs(0, 0, device)
        module.train_epoch(trainer, first, min(WARMUP_STEPS, num_steps))
        last = session.feed.train_pairs(0, num_steps - 1, device)
        module.train_epoch(trainer, last, 1)
        return first_step_s
    kept: list[Any] = []
    for pair in session.feed.train_pairs(0, 0, device):
        if len(kept) > WARMUP_STEPS:
            kept.pop()
        kept.append(pair)
    begin = time.perf_counter()
    module.to_floats([module.train_step(trainer, *kept[0])])
    first_step_s = time.perf_counter() - begin
    for pair in kept[1:]:
        if session.num_ranks > 1 and pair is kept[-1]:
            # Its number is what says how large its global batch is.
            state = module.get_state(trainer) | {"step": np.array(num_steps - 1)}
            module.set_state(trainer, state)
        module.train_step(trainer, *pair)
    return first_step_s


def _train(session: Session) -> NDArray[Any]:
    """All epochs that are left; the last weights' logits of the test split."""
    logits = None
    while not session.is_over:
        logits = session.end_epoch(session.train_epoch())
    if session.has_stopped_early and session.progress.best is not None:
        session.on_event(
            {
                "event": "stopped",
                "epoch": session.progress.epoch - 1,
                "best_epoch": session.progress.best.epoch,
                "reason": f"{session.options.patience} epochs without a better "
                "validation loss",
            }
        )
    return session.logits(session.feed.test) if logits is None else logits


def _judge(session: Session, logits: NDArray[Any]) -> tuple[Metrics, Metrics | None]:
    """Metrics to go by, and of the last weights where those are of the best ones."""
    labels = session.dataset.test.labels
    last = compute_metrics(labels, probabilities(logits))
    if session.progress.best_weights is None:
        return last, None
    session.module.load_weights(session.trainer, session.progress.best_weights)
    best_logits = session.logits(session.feed.test)
    return compute_metrics(labels, probabilities(best_logits)), last


def _record(
    session: Session, startup: _Startup, weights: Weights, logits: NDArray[Any]
) -> RunRecord:
    """`weights`: the initial ones. `logits`: of the test split, by the last ones."""
    # Before it comes to what training does not need.
    peak_rss_bytes = _peak_rss_bytes()
    final_weights = arrays_digest(session.module.get_weights(session.trainer))
    metrics, last_metrics = _judge(session, logits)
    options, recipe = session.options, session.recipe
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        recipe=recipe.name,
        loop=session.loop.name,
        framework=session.module.FRAMEWORK,
        dataset=session.dataset.name,
        seed=options.seed,
        batch_size=recipe.batch_size,
        num_parameters=recipe.num_parameters(),
        is_bit_comparable=recipe.is_bit_comparable,
        precision=options.precision,
        device=options.device,
        flags=session.flags,
        digests=_digests(session, weights),
        import_s=session.import_s,
        build_s=startup.build_s,
        first_step_s=startup.first_step_s,
        warmup_s=startup.warmup_s,
        peak_rss_bytes=peak_rss_bytes,
        epochs=session.progress.epochs,
        losses=session.progress.losses,
        final_weights=final_weights,
        resumed_at=session.progress.resumed_at,
        validation=_validation_record(session),
        metrics=metrics,
        last_metrics=last_metrics,
        num_ranks=session.num_ranks,
    )


def _start_event(session: Session) -> dict[str, Any]:
    resumed = session.progress.resumed_at
    return {
        "event": "start",
        "recipe": session.recipe.name,
        "loop": session.loop.name,
        "dataset": session.dataset.name,
        "epochs": session.num_epochs,
        "steps": session.feed.num_steps,
        "batch_size": session.recipe.batch_size,
        "num_parameters": session.recipe.num_parameters(),
        "resumed_at": resumed[-1] if resumed else None,
        "flags": session.flags,
        "ranks": session.num_ranks,
    }


def _digests(session: Session, weights: Weights) -> Digests:
    return Digests(
        data=session.dataset.digest,
        order=session.feed.order_digest(session.num_epochs),
        weights=weights_digest(weights),
        batches=session.feed.tensor_digest(
            session.options.device, session.sum_over_ranks
        ),
    )


def _validation_record(session: Session) -> ValidationRecord | None:
    best, held_out = session.progress.best, session.feed.held_out
    if best is None or held_out is None:
        return None
    return ValidationRecord(
        num_folds=session.options.validation,
        num_examples=held_out.plan.epoch_size,
        best_epoch=best.epoch,
        best_loss=best.loss,
        stopped_early=session.has_stopped_early,
    )


def _peak_rss_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
