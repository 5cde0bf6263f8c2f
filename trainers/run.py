"""Train one recipe in one framework; the one place where data, loop and recipe meet.

`python -m trainers.run --recipe mlp-3x100 --loop torch --data glyphs` prints JSON
lines: {"event": "epoch", ...} while it runs, {"event": "record", ...} at the end.
"""

import argparse
import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from idxdata import (
    Batches,
    IdxDataError,
    Plan,
    batch_digest,
    indices_digest,
    load,
)
from idxdata.cpus import usable_cpus
from trainers.metrics import compute_metrics
from trainers.recipes import fit_recipe
from trainers.record import SCHEMA_VERSION, Digests, EpochRecord, RunRecord
from trainers.timing import TimedEpoch, timed_epoch
from trainers.weights import initial_weights, weights_digest

LOOPS = {"torch": "trainers.torch_loop", "tensorflow": "trainers.tf_loop"}

WARMUP_STEPS = 10
EVAL_BATCH_SIZE = 1000

Event = Callable[[dict[str, Any]], None]


def run(
    *,
    recipe_name: str,
    loop_name: str,
    data: str,
    seed: int,
    epochs: int | None,
    num_threads: int,
    on_event: Event,
) -> RunRecord:
    """Train and evaluate; `epochs` None is the recipe's own number.

    `seed` sets the initial weights and the order of batches. Warm-up: the first
    steps of epoch 0 and its last, perhaps shorter, batch are trained on and the
    test split is evaluated, then weights and optimiser are set back, so what is
    timed starts from the initial weights with everything compiled.

    Raises the errors of `idxdata.load`, `MissingFrameworkError`, `ValueError` for
    an unknown recipe or one that does not fit the data.
    """
    dataset = load(data)
    recipe = fit_recipe(
        recipe_name, dataset.train.images.shape[1:], len(dataset.classes)
    )
    begin = time.perf_counter()
    adapter = importlib.import_module(f"idxdata.adapters.{loop_name}")
    loop: Any = importlib.import_module(LOOPS[loop_name])
    import_s = time.perf_counter() - begin
    flags = loop.configure(num_threads)

    plan = Plan(len(dataset.train), recipe.batch_size, seed=seed)
    train = Batches(dataset.train, plan)
    test = Batches(
        dataset.test,
        Plan(len(dataset.test), EVAL_BATCH_SIZE, seed=0, order="sequential"),
    )
    weights = initial_weights(recipe, seed)
    num_epochs = recipe.epochs if epochs is None else epochs
    begin = time.perf_counter()
    trainer = loop.build(recipe, num_epochs * plan.num_steps)
    loop.load_weights(trainer, weights)
    build_s = time.perf_counter() - begin
    first_step_s, warmup_s = _warm_up(
        loop,
        trainer,
        _warmup_pairs(adapter.tensors(train, 0)),
        adapter.tensors(test, 0),
    )
    loop.load_weights(trainer, weights)

    records: list[EpochRecord] = []
    losses: list[float] = []
    predicted = np.empty(0, np.int64)
    for epoch in range(num_epochs):
        timed = timed_epoch(
            lambda images, labels: loop.train_step(trainer, images, labels),
            loop.to_floats,
            adapter.tensors(train, epoch),
        )
        predicted = loop.predict(trainer, adapter.tensors(test, 0)).argmax(axis=1)
        accuracy = float((predicted == dataset.test.labels).mean())
        losses += timed.losses
        records.append(_epoch_record(timed, accuracy))
        on_event({"event": "epoch", "epoch": epoch, "test_accuracy": accuracy})
    peak_rss_bytes = _peak_rss_bytes()
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        recipe=recipe.name,
        framework=loop.FRAMEWORK,
        loop_form=loop.LOOP_FORM,
        dataset=dataset.name,
        seed=seed,
        batch_size=recipe.batch_size,
        num_parameters=recipe.num_parameters(),
        flags=flags,
        digests=Digests(
            data=dataset.digest,
            order=_order_digest(plan, num_epochs),
            weights=weights_digest(weights),
            batches=batch_digest(
                (images.numpy(), labels.numpy())
                for images, labels in adapter.tensors(train, 0)
            ),
        ),
        import_s=import_s,
        build_s=build_s,
        first_step_s=first_step_s,
        warmup_s=warmup_s,
        peak_rss_bytes=peak_rss_bytes,
        epochs=records,
        losses=losses,
        metrics=compute_metrics(dataset.test.labels, predicted, len(dataset.classes)),
    )


def _warmup_pairs(pairs: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The first pairs and the last, of which the rest are let go."""
    kept: list[tuple[Any, Any]] = []
    for pair in pairs:
        if len(kept) > WARMUP_STEPS:
            kept.pop()
        kept.append(pair)
    return kept


def _warm_up(
    loop: Any, trainer: Any, train: list[tuple[Any, Any]], test: Iterable[Any]
) -> tuple[float, float]:
    begin = time.perf_counter()
    loop.to_floats([loop.train_step(trainer, *train[0])])
    first_step_s = time.perf_counter() - begin
    for pair in train[1:]:
        loop.train_step(trainer, *pair)
    loop.predict(trainer, test)
    return first_step_s, time.perf_counter() - begin


def _epoch_record(timed: TimedEpoch, test_accuracy: float) -> EpochRecord:
    return EpochRecord(
        total_s=timed.total_s,
        data_s=timed.data_s,
        compute_s=timed.compute_s,
        loop_s=timed.total_s - timed.data_s - timed.compute_s,
        mean_loss=float(np.average(timed.losses, weights=timed.batch_sizes)),
        test_accuracy=test_accuracy,
    )


def _order_digest(plan: Plan, num_epochs: int) -> str:
    return indices_digest(
        indices for epoch in range(num_epochs) for indices in plan.steps(epoch)
    )


def _peak_rss_bytes() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def positive(text: str) -> int:
    """A command line's number, 1 or more."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {text!r}")
    return value


def _print_event(event: dict[str, Any]) -> None:
    print(json.dumps(event), flush=True)


def main() -> int:
    """The command line; returns the exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m trainers.run", description=__doc__)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--loop", required=True, choices=LOOPS)
    parser.add_argument("--data", default="glyphs", help="a dataset's name or a folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=positive, help="default: the recipe's")
    parser.add_argument(
        "--threads", type=positive, default=usable_cpus(), dest="num_threads"
    )
    args = parser.parse_args()
    try:
        record = run(
            recipe_name=args.recipe,
            loop_name=args.loop,
            data=args.data,
            seed=args.seed,
            epochs=args.epochs,
            num_threads=args.num_threads,
            on_event=_print_event,
        )
    except (IdxDataError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _print_event({"event": "record", "record": dataclasses.asdict(record)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
