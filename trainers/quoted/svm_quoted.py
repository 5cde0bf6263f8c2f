"""svm-0.8: deskewed digits, a machine for each class, virtual support vectors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset
from trainers.errors import QuotedError
from trainers.quoted.chunking import SvmNumbers
from trainers.quoted.deskewing import deskew
from trainers.quoted.job import Event, Job, Sitting
from trainers.quoted.rows import QuotedRow
from trainers.quoted.svm import classify, fit_machines

PACKAGES = ("numpy", "scikit-learn")


def reproduce(job: Job, dataset: Dataset, on_event: Event) -> Iterator[QuotedRow]:
    """Fit, judge once: one row. Nothing is random: the same row but for times.

    Raises `QuotedError` for a job with a loop or a work folder, and as `Sitting`,
    `SvmNumbers.from_table`, `deskew` and `fit_machines` do.
    """
    if job.loop is not None:
        raise QuotedError("no loop trains a support vector machine", found=job.loop)
    if job.work_folder is not None:
        raise QuotedError("a support vector machine keeps nothing to go on with")
    numbers = SvmNumbers.from_table(job.recipe.numbers)
    sitting = Sitting(job, dataset)
    images, labels = sitting.train().to_numpy()
    machines = fit_machines(
        deskew(images),
        labels,
        len(dataset.classes),
        numbers,
        num_threads=job.num_threads,
        on_event=on_event,
    )
    for label, machine in enumerate(machines):
        if not machine.is_settled:
            text = f"class {dataset.classes[label]} had no more rounds, not yet settled"
            on_event({"event": "warning", "text": text})

    def answer(images: NDArray[np.uint8]) -> NDArray[np.int64]:
        return classify(
            machines, deskew(images), num_threads=job.num_threads, on_event=on_event
        )

    yield sitting.finish(answer, seeds=(), packages=PACKAGES)
