"""All that `stats` tells of opened examples, split by split."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.commands.figures import NUM_PASSES, PixelFigures, pixel_figures
from idxdata.commands.opening import Opened, Part, counting
from idxdata.commands.repeats import Repeats, overlap, repeats
from idxdata.measures import row_digests
from idxdata.sharding import Images, ShardedArray

NUM_BLANK_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """`count` examples. `dtype`, `shape`, `pixels`, `duplicates`: of the images, or None.

    `shape` is one image's. `label_counts`: of each class, or None without labels.
    """

    count: int
    dtype: str | None
    shape: tuple[int, ...] | None
    pixels: PixelFigures | None
    duplicates: Repeats | None
    label_counts: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class DataFacts:
    """`splits` by name; `overlaps`: of (split, earlier split), rows of the former.

    `note` as of `Opened`.
    """

    name: str
    note: str
    classes: tuple[str, ...]
    splits: Mapping[str, SplitFacts]
    overlaps: Mapping[tuple[str, str], Repeats]

    def to_json(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {
            "name": self.name,
            "note": self.note,
            "classes": self.classes,
            "splits": {name: _split_json(one) for name, one in self.splits.items()},
            "overlaps": [
                {"split": split, "other": other, **asdict(found)}
                for (split, other), found in self.overlaps.items()
            ],
        }


def data_facts(opened: Opened) -> DataFacts:
    """Go through all examples. A split that is a part of an earlier one is left out."""
    parts = _apart(opened.parts)
    splits, digests = {}, {}
    for name, part in parts.items():
        pixels = duplicates = None
        images = part.images
        if images is not None and images.size:
            passes = NUM_PASSES + 1
            with counting(f"measuring {name}", images, num_passes=passes) as advance:
                pixels = pixel_figures(images, advance=advance)
                digests[name] = row_digests(images, advance=advance)
            duplicates = repeats(digests[name], part.labels)
        splits[name] = SplitFacts(
            count=len(part),
            dtype=None if images is None else images.dtype.name,
            shape=None if images is None else images.shape[1:],
            pixels=pixels,
            duplicates=duplicates,
            label_counts=_label_counts(part.labels, len(opened.classes)),
        )
    overlaps = {
        (name, other): overlap(
            digests[name], digests[other], parts[name].labels, parts[other].labels
        )
        for other, name in combinations(digests, 2)
    }
    return DataFacts(opened.name, opened.note, opened.classes, splits, overlaps)


def _apart(parts: Mapping[str, Part]) -> dict[str, Part]:
    """Without those that share memory with an earlier one: QMNIST's test10k is rows
    of its test split.
    """
    kept: dict[str, Part] = {}
    for name, part in parts.items():
        images = part.images
        if images is None or not any(
            one.images is not None and _share_memory(images, one.images)
            for one in kept.values()
        ):
            kept[name] = part
    return kept


def _share_memory(images: Images, others: Images) -> bool:
    if isinstance(images, ShardedArray):
        return images.shares_rows(others)
    if isinstance(others, ShardedArray):
        return False
    return np.may_share_memory(images, others)


def _label_counts(
    labels: NDArray[Any] | None, num_classes: int
) -> tuple[int, ...] | None:
    if labels is None:
        return None
    counts = np.bincount(labels.astype(np.int64, copy=False), minlength=num_classes)
    return tuple(counts.tolist())


def _split_json(facts: SplitFacts) -> dict[str, Any]:
    pixels = facts.pixels
    found: dict[str, Any] = {
        "examples": facts.count,
        "dtype": facts.dtype,
        "shape": facts.shape,
        "pixels": None,
        "duplicates": None if facts.duplicates is None else asdict(facts.duplicates),
        "label_counts": facts.label_counts,
    }
    if pixels is not None:
        (least, least_index), (most, most_index) = pixels.least_ink, pixels.most_ink
        found["pixels"] = {
            "mean": pixels.mean,
            "std": pixels.std,
            "scale": pixels.scale,
            "minimum": pixels.minimum,
            "maximum": pixels.maximum,
            "ink": {
                "mean": pixels.ink,
                "least": {"value": least, "index": least_index},
                "most": {"value": most, "index": most_index},
            },
            "blank": {
                "count": len(pixels.blank),
                "first": pixels.blank[:NUM_BLANK_SHOWN].tolist(),
            },
        }
    return found
