"""Your own pictures: from a folder to IDX files, to a classifier, to its misfits.

    python examples/my_own_images.py path/to/folder      # one sub-folder for each class
    python examples/my_own_images.py                     # draws some shapes to play with

What it shows: how pictures of any size become IDX files of one size that every reader of
MNIST takes; how to hold examples out; how to see which ones a model gets wrong, which is the
quickest way to find wrong labels.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn.linear_model import LogisticRegression

import idxdata
from idxdata.cli import main as command


def draw_shapes(folder, count=120):
    """Stand-ins for photographs: dark shapes on light paper, of several sizes."""
    random = np.random.default_rng(0)
    for number in range(count):
        kind = ("circle", "square", "triangle")[number % 3]
        side = int(random.integers(60, 120))
        picture = Image.new("L", (side, side), 255)
        pen = ImageDraw.Draw(picture)
        size = side * random.uniform(0.3, 0.45)
        x, y = random.uniform(size, side - size, 2)
        box = (x - size, y - size, x + size, y + size)
        if kind == "circle":
            pen.ellipse(box, outline=0, width=6)
        elif kind == "square":
            pen.rectangle(box, outline=0, width=6)
        else:
            pen.line((x, box[1], box[2], box[3], box[0], box[3], x, box[1]), 0, 6)
        place = Path(folder, kind)
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{number}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", help="pictures, one sub-folder a class")
    parser.add_argument("--size", default="28x28")
    parser.add_argument("--out", default="my-idx", help="a new folder for IDX files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        if options.folder is None:
            draw_shapes(drawn)
        # The same as on the command line: idxdata convert FOLDER OUT --to idx.gz ...
        status = command(
            ["convert", options.folder or drawn, options.out, "--to", "idx.gz"]
            + ["--size", options.size, "--grey", "--invert"]
        )
    if status:
        raise SystemExit(status)
    data = idxdata.load(options.out)
    print(data)

    # A fifth is held out: which, is a matter of the seed alone.
    kept, held_out = (
        np.sort(
            np.concatenate([plan.indices(0, step) for step in range(plan.num_steps)])
        )
        for plan in (
            idxdata.Plan(
                len(data.train),
                32,
                seed=0,
                subset=idxdata.Fold(5, 0, seed=7, part=part),
            )
            for part in ("train", "held_out")
        )
    )
    model = LogisticRegression(max_iter=500).fit(*data.train[kept].to_xy())
    X, y = data.train[held_out].to_xy()
    said = model.predict(X)
    print(f"{(said == y).mean():.0%} of {len(y)} held out are right")
    for row, label, answer in zip(held_out, y, said, strict=True):
        if label != answer:
            print(f"  {row}: {data.classes[label]}, taken for {data.classes[answer]}")
    print(
        f"look at them: idxdata show {options.out} --misfits, idxdata view {options.out}"
    )


if __name__ == "__main__":
    main()
