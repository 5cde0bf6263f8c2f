"""Ten digits as pen strokes: the data that the embedded dataset is drawn from.

A stroke lists the points that the pen passes, in order, in a box of 100 by 100
units (x to the right, y down); the curve through them is smooth except at a
point marked CORNER. A variant is one way to write a digit, as one or more
strokes; each digit's variants are equally likely.

These numbers are part of the dataset: changing one changes its pinned hashes.
"""

import numpy as np
from numpy.typing import NDArray

START = 0  # the pen comes down here
SMOOTH = 1
CORNER = 2

Point = tuple[int, int] | tuple[int, int, int]
Variant = tuple[tuple[Point, ...], ...]

STEM: tuple[Point, ...] = ((62, 5), (62, 36), (61, 66), (60, 96))

# fmt: off
SKELETONS: dict[str, tuple[Variant, ...]] = {
    "0": (
        # oval, begun at the top
        (((52, 5), (30, 18), (21, 50), (31, 82), (51, 95), (71, 82), (80, 50),
          (71, 18), (49, 5)),),
        # rounder, begun at the right shoulder, its end overlapping the start
        (((68, 14), (44, 6), (22, 24), (15, 52), (26, 82), (52, 95), (76, 80),
          (84, 50), (74, 20), (54, 8)),),
        # narrow
        (((54, 5), (38, 22), (33, 52), (38, 80), (50, 95), (63, 80), (67, 50),
          (62, 20), (48, 6)),),
    ),
    "1": (
        # a bare stem
        (((50, 4), (50, 34), (50, 66), (50, 96)),),
        # with a flag
        (((35, 24), (44, 16), (54, 4, CORNER), (53, 34), (52, 66), (51, 96)),),
        # with a flag and a foot
        (((34, 23), (43, 15), (53, 4, CORNER), (52, 34), (51, 66), (51, 95)),
         ((27, 95), (50, 95), (75, 95))),
    ),
    "2": (
        # round head, straight foot
        (((21, 27), (32, 10), (54, 5), (74, 17), (72, 40), (50, 67),
          (20, 93, CORNER), (50, 93), (82, 92)),),
        # loop at the foot
        (((22, 24), (38, 8), (60, 7), (74, 23), (68, 46), (48, 70), (28, 91),
          (17, 86), (27, 75), (48, 82), (66, 93), (84, 86)),),
        # wide head, sagging foot
        (((18, 20), (42, 6), (68, 10), (77, 28), (60, 54), (38, 74),
          (19, 90, CORNER), (40, 86), (62, 93), (84, 88)),),
    ),
    "3": (
        # two bowls that meet in a point
        (((23, 16), (46, 5), (69, 13), (68, 33), (43, 46, CORNER), (69, 54),
          (77, 73), (56, 94), (21, 86)),),
        # flat top
        (((22, 7), (48, 7), (74, 7, CORNER), (58, 26), (43, 42, CORNER),
          (66, 48), (77, 68), (62, 90), (40, 95), (20, 86)),),
        # one run, with a small loop for a waist
        (((22, 20), (40, 6), (64, 9), (68, 29), (54, 43), (42, 48), (54, 50),
          (74, 62), (73, 84), (48, 95), (20, 84)),),
    ),
    "4": (
        # open, the stem apart
        (((30, 6), (26, 30), (20, 56, CORNER), (50, 58), (84, 54)),
         ((67, 14), (65, 40), (62, 68), (60, 96))),
        # closed
        (((60, 5), (38, 34), (15, 64, CORNER), (50, 65), (86, 63)), STEM),
        # a bowl for the left arm, the stem drawn on from the bar
        (((26, 8), (22, 34), (34, 52), (56, 48), (72, 34)),
         ((74, 6), (72, 36), (68, 66), (64, 96))),
    ),
    "5": (
        # one run from the right end of the bar
        (((76, 7), (54, 8), (32, 9, CORNER), (29, 26), (26, 45, CORNER),
          (50, 37), (73, 50), (75, 76), (52, 95), (21, 86)),),
        # the bar drawn last and apart
        (((32, 10), (29, 28), (26, 46, CORNER), (52, 42), (72, 58), (68, 84),
          (46, 95), (20, 88)), ((33, 9), (56, 8), (80, 5))),
        # rounded, without a corner at the belly
        (((76, 8), (52, 6), (34, 12), (28, 32), (40, 44), (62, 48), (74, 66),
          (66, 88), (44, 95), (20, 88)),),
    ),
    "6": (
        # curved stem, round bowl
        (((66, 5), (42, 22), (27, 48), (25, 76), (44, 95), (68, 88), (75, 68),
          (58, 52), (36, 60), (27, 76)),),
        # straight stem, the bowl's end crossing it
        (((58, 4), (43, 28), (30, 54), (27, 80), (48, 96), (70, 82), (68, 62),
          (48, 54), (24, 70)),),
        # curled head, large bowl
        (((74, 14), (58, 5), (36, 20), (24, 48), (25, 78), (47, 95), (72, 86),
          (76, 62), (56, 46), (32, 56)),),
    ),
    "7": (
        # plain
        (((19, 9), (50, 9), (80, 8, CORNER), (66, 36), (53, 66), (42, 96)),),
        # with a bar
        (((19, 9), (50, 9), (80, 8, CORNER), (66, 36), (53, 66), (42, 96)),
         ((36, 52), (54, 51), (76, 49))),
        # with a serif and a curved stem
        (((19, 25), (22, 9, CORNER), (50, 11), (80, 7, CORNER), (60, 34),
          (49, 64), (47, 96)),),
    ),
    "8": (
        # one run, crossing itself at the waist
        (((70, 17), (50, 5), (30, 16), (33, 35), (51, 47), (71, 61), (73, 83),
          (50, 95), (27, 83), (30, 61), (51, 47), (68, 34), (70, 15)),),
        # two rings
        (((51, 5), (32, 14), (32, 35), (50, 46), (69, 35), (69, 14), (49, 5)),
         ((50, 46), (28, 58), (27, 83), (50, 96), (74, 83), (73, 58), (49, 46))),
        # an S closed by an open stroke
        (((78, 12), (50, 5), (27, 19), (36, 38), (60, 54), (71, 76), (50, 95),
          (28, 82), (38, 60), (62, 38), (77, 17)),),
    ),
    "9": (
        # ring with a straight stem
        (((71, 22), (52, 5), (30, 16), (27, 38), (46, 51), (66, 40),
          (74, 14, CORNER), (73, 42), (70, 69), (67, 96)),),
        # curved stem ending in a hook
        (((72, 24), (54, 6), (32, 14), (27, 36), (44, 50), (66, 38),
          (74, 18, CORNER), (76, 48), (71, 78), (52, 95), (28, 87)),),
        # slanted stem drawn on from a round ring
        (((70, 14), (46, 5), (26, 22), (33, 45), (56, 47), (72, 28), (72, 12),
          (66, 42), (56, 70), (46, 96)),),
    ),
}
# fmt: on


def pack() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return SKELETONS as three new int64 arrays that a kernel can walk.

    points (P, 3): x, y and START, SMOOTH or CORNER of every point
    variants (V, 2): first point and end of each variant
    classes (C, 2): first variant and end of each class, in the table's order
    """
    points: list[tuple[int, int, int]] = []
    variants: list[tuple[int, int]] = []
    classes: list[tuple[int, int]] = []
    for forms in SKELETONS.values():
        classes.append((len(variants), len(variants) + len(forms)))
        for strokes in forms:
            first = len(points)
            for stroke in strokes:
                for place, point in enumerate(stroke):
                    kind = point[2] if len(point) == 3 else SMOOTH
                    points.append((point[0], point[1], kind if place else START))
            variants.append((first, len(points)))
    return (
        np.array(points, dtype=np.int64),
        np.array(variants, dtype=np.int64),
        np.array(classes, dtype=np.int64),
    )
