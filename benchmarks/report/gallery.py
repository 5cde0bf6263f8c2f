"""Test images that contenders get wrong, as small PNG files with captions."""

from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.report.document import Block, Gallery, Heading, Picture, Section, Text
from benchmarks.verdict.contender import Contender
from benchmarks.verdict.group import Group
from idxdata.dataset import Dataset
from idxdata.sharding import Images

MAX_PICTURES = 24
MAX_PAIRS = 3
_TOLD = 2


def gallery_section(
    groups: Sequence[Group], dataset: Dataset | None, digest: str | None
) -> Section:
    """`digest`: of the data that the rows were made with."""
    title = "What they get wrong"
    if why := _why_not(dataset, digest):
        return Section("gallery", title, (Text(why),))
    assert dataset is not None  # _why_not told
    blocks: list[Block] = [
        Text(
            "Images of the test split, those first on which seeds agree most. Where a "
            "contender's runs did not all answer the same, its most frequent answers "
            "are told with the number of runs that gave them, such as 4 ×7."
        )
    ]
    for group in groups:
        galleries = list(_galleries(group, dataset))
        blocks.append(Heading(group.name))
        blocks += galleries or [Text("No example is told apart.")]
    return Section("gallery", title, tuple(blocks))


def _why_not(dataset: Dataset | None, digest: str | None) -> str | None:
    if dataset is None:
        return "No images: the data was not at hand when this report was written."
    if digest is not None and dataset.digest != digest:
        return (
            "No images: the data at hand when this report was written is not the data "
            "of the runs, as its digest says."
        )
    if picture_shape(dataset.test.images) is None:
        return (
            f"No images: data of shape {dataset.test.images.shape[1:]} is no picture."
        )
    return None


def _galleries(group: Group, dataset: Dataset) -> Iterator[Gallery]:
    compared = [c for c in group.comparisons if c.a == group.accepted[0].name]
    for one in compared[:MAX_PAIRS]:
        found = one.disagreement
        for wrong, right, ours, theirs in (
            (one.a, one.b, found.only_a, found.only_b),
            (one.b, one.a, found.only_b, found.only_a),
        ):
            net = {i: n - theirs.get(i, 0) for i, n in ours.items()}
            chosen = _ranked({i: n for i, n in net.items() if n > 0}, group, (wrong,))
            if chosen:
                title = (
                    f"{wrong} is wrong, {right} is right"
                    if len(one.rounds) == 1
                    else f"{wrong} is wrong more often than {right}"
                )
                yield _gallery(title, chosen, group, dataset)
    if chosen := _ranked(_all_wrong(group), group, [c.name for c in group.accepted]):
        yield _gallery("Wrong by all", chosen, group, dataset)


def _all_wrong(group: Group) -> dict[int, int]:
    """In how many runs an example was wrong, of those wrong at least once by each."""
    tallies = [_wrong(one) for one in group.accepted]
    if not tallies:
        return {}
    shared = set.intersection(*(set(tally) for tally in tallies))
    return {index: sum(tally[index] for tally in tallies) for index in shared}


def _wrong(one: Contender) -> Counter[int]:
    return Counter(index for r in one.records for index, _ in r.metrics.wrong)


def _ranked(found: dict[int, int], group: Group, names: Sequence[str]) -> list[int]:
    """Most consistent first, then surest, then by index."""
    sure: dict[int, float] = {}
    for one in group.accepted:
        if one.name in names:
            for mistake in (m for r in one.records for m in r.metrics.mistakes):
                now = sure.get(mistake.index, 0.0)
                sure[mistake.index] = max(now, mistake.probability)
    ranked = sorted(found, key=lambda i: (-found[i], -sure.get(i, 0.0), i))
    return ranked[:MAX_PICTURES]


def _gallery(
    title: str, chosen: Sequence[int], group: Group, dataset: Dataset
) -> Gallery:
    pictures = []
    for index in chosen:
        true = int(dataset.test.labels[index])
        said = "; ".join(
            f"{one.name} {_answers(one, index, true, dataset.classes)}"
            for one in group.accepted
        )
        caption = f"example {index}: true {dataset.classes[true]}; {said}"
        pictures.append(Picture(png(dataset.test.images[index]), caption))
    return Gallery(title, tuple(pictures))


def _answers(one: Contender, index: int, true: int, classes: Sequence[str]) -> str:
    """The two most frequent ones, with how many runs gave them if not all gave one."""
    answers = Counter[int]()
    for record in one.records:
        wrong = {number: answer for number, answer in record.metrics.wrong}
        answers[wrong.get(index, true)] += 1
    if len(answers) == 1:
        return classes[next(iter(answers))]
    told = [f"{classes[answer]} ×{n}" for answer, n in answers.most_common(_TOLD)]
    return ", ".join(told) + (", …" if len(answers) > _TOLD else "")


def picture_shape(images: Images) -> str | None:
    """Pillow's mode for one of the images; None if it is no picture."""
    shape = images.shape[1:]
    if len(shape) == 2:
        return "L"
    return "RGB" if len(shape) == 3 and shape[2] == 3 else None


def png(image: NDArray[Any]) -> bytes:
    """Grey levels of what is not uint8 reach from its least to its largest value."""
    pixels = np.asarray(image)
    if pixels.dtype != np.uint8:
        values = pixels.astype(np.float64)
        low, width = values.min(), float(np.ptp(values)) or 1.0
        pixels = (255 * (values - low) / width).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=True)
    return file.getvalue()
