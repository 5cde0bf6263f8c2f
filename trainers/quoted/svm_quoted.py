"""svm-0.8: deskewed digits, a machine for each class, virtual support vectors."""

import numpy as np
from numpy.typing import NDArray

from idxdata import Dataset
from trainers.quoted.chunking import SvmNumbers
from trainers.quoted.deskewing import deskew
from trainers.quoted.job import Event, Job, Sitting
from trainers.quoted.rows import QuotedRow
from trainers.quoted.svm import classify, fit_machines

PACKAGES = ("numpy", "scikit-learn")


def reproduce_svm(job: Job, dataset: Dataset, on_event: Event) -> QuotedRow:
    """Fit, judge once. Nothing is random: the same row but for times.

    Raises as `Sitting`, `SvmNumbers.from_table`, `deskew` and `fit_machines` do.
    """
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

    return sitting.finish(answer, seeds=(), packages=PACKAGES)
