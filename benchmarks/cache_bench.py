"""Opening what is in the cache, beside np.load(mmap_mode="c"); building a large entry.

Each measurement is a process of its own; rounds go through all cases in turn. With
--large it builds, from a .gz that it makes, an entry of 8,100,000 x 28 x 28 bytes
(needs about 8 GB of disk, which it frees again) and prints the peak of anonymous memory.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.environment import describe_environment
from benchmarks.inputs import MissingInput, mnist_folder
from benchmarks.run_loop import new_console, new_rows_path
from benchmarks.stats import paired_ratio, spread
from idxdata.cache import Cache
from idxdata.header import build_header
from trainers.arguments import positive

NAMES = tuple(
    f"{split}-{role}-ubyte.gz"
    for split in ("train", "t10k")
    for role in ("images-idx3", "labels-idx1")
)
CASES = tuple((what, who) for what in ("open", "load") for who in ("ours", "numpy"))
LABELS = {
    ("open", "ours"): "open_idx, train images",
    ("open", "numpy"): 'np.load(mmap_mode="c"), the same',
    ("load", "ours"): 'load("mnist"), four arrays',
    ("load", "numpy"): 'np.load(mmap_mode="c"), four times',
}
LARGE_SHAPE = (8_100_000, 28, 28)
LARGE_BLOCK = 10_000
LEVEL = 6
GOAL_S = 0.003
GOAL_NBYTES = 300_000_000


def run_child(order: dict[str, Any]) -> dict[str, Any]:
    """The record of one case in a fresh process; raises if that fails."""
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.cache_measure", json.dumps(order)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    record: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])["record"]
    return record


def measure_warm(mnist: Path, rounds: int, cache: Path) -> list[dict[str, Any]]:
    """Rows of all cases, interleaved; the entries are made before."""
    sources = [mnist / name for name in NAMES]
    made = Cache(cache)
    for source in sources:
        made.open(source)
    entries = {entry.source: entry.name for entry in made.entries()}
    order = {
        "cache": str(cache),
        "sources": [str(source) for source in sources],
        "entries": [
            str(cache / "entries" / entries[str(source.resolve())] / "data.npy")
            for source in sources
        ],
    }
    rows = []
    for number in range(-1, rounds):
        for what, who in CASES:
            record = run_child(order | {"what": what, "who": who})
            if number >= 0:
                rows.append({"what": what, "who": who, "round": number} | record)
    return rows


def print_warm(rows: Sequence[dict[str, Any]], console: Console) -> None:
    table = Table(title="Milliseconds: median (least to most) over fresh processes")
    for heading in (
        "",
        "first call",
        "its CPU time",
        "later calls",
        "payload in memory",
    ):
        table.add_column(heading, justify="left" if not heading else "right")
    for case in CASES:
        own = [row for row in rows if (row["what"], row["who"]) == case]
        table.add_row(
            LABELS[case],
            _milliseconds([row["first_s"] for row in own]),
            _milliseconds([row["first_cpu_s"] for row in own]),
            _milliseconds([row["warm_s"] for row in own]),
            f"{max(row['resident_nbytes'] for row in own):,} bytes",
        )
    console.print(table)
    for what in ("open", "load"):
        for key, label in (("first_s", "first call"), ("warm_s", "later calls")):
            a, b = (
                [r[key] for r in rows if (r["what"], r["who"]) == (what, who)]
                for who in ("ours", "numpy")
            )
            ratio = paired_ratio(a, b)
            console.print(
                f"{what}, {label}: np.load takes {ratio.ratio:.2f} times as long "
                f"(95 %: {ratio.low:.2f} to {ratio.high:.2f})"
            )
    first = spread([r["first_s"] for r in rows if (r["what"], r["who"]) == CASES[2]])
    console.print(
        f"Goal, four arrays under {GOAL_S * 1e3:.0f} ms: "
        f"{'met' if first.median < GOAL_S else 'missed'} by the median first call"
    )


def _milliseconds(values: Sequence[float]) -> str:
    s = spread([value * 1e3 for value in values])
    return f"{s.median:.3f} ({s.low:.3f} to {s.high:.3f})"


def make_large(path: Path) -> None:
    """An IDX .gz of `LARGE_SHAPE`: one gzip member with glyphs, again and again."""
    from idxdata import synthetic

    images, _ = synthetic.draw("test", stop=LARGE_BLOCK)
    block = gzip.compress(images.tobytes(), LEVEL, mtime=0)
    with open(path, "wb") as file:
        file.write(gzip.compress(build_header(images.dtype, LARGE_SHAPE)))
        for _ in range(LARGE_SHAPE[0] // LARGE_BLOCK):
            file.write(block)


def measure_large(console: Console, place: Path) -> dict[str, Any]:
    """The row of one build; the files lie below `place` until it ends."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        source = Path(folder) / "large.gz"
        with console.status("making the .gz"):
            make_large(source)
        source_nbytes = source.stat().st_size
        order = {"what": "large", "who": "ours", "sources": [str(source)]}
        with console.status("building the entry"):
            record = run_child(order | {"cache": f"{folder}/cache"})
    return {"what": "large", "who": "ours", "source_nbytes": source_nbytes} | record


def print_large(row: dict[str, Any], console: Console) -> None:
    met = "met" if row["peak_nbytes"] < GOAL_NBYTES else "missed"
    console.print(
        f"Built {row['nbytes']:,} bytes of {tuple(row['shape'])} from "
        f"{row['source_nbytes']:,} in {row['build_s']:.1f} s "
        f"({row['nbytes'] / row['build_s'] / 1e9:.2f} GB/s); anonymous memory "
        f"{row['before_nbytes'] / 1e6:.0f} MB before, {row['peak_nbytes'] / 1e6:.0f} MB "
        f"at the most. Goal, under {GOAL_NBYTES / 1e6:.0f} MB: {met}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cache_bench", description=__doc__
    )
    parser.add_argument("--mnist", type=Path, help="folder of MNIST's four .gz files")
    parser.add_argument("--rounds", type=positive, default=11)
    parser.add_argument("--large", action="store_true", help="build a large entry too")
    parser.add_argument("--place", type=Path, help="for large files; default: results")
    parser.add_argument("--results", type=Path, default=Path("results/cache_bench"))
    return parser.parse_args()


def main() -> int:
    """Returns the exit status, 0."""
    args = _arguments()
    try:
        mnist = args.mnist or mnist_folder()
    except MissingInput as error:
        print(f"opening what is cached left out: {error}", file=sys.stderr)
        mnist = None
    console = new_console()
    path = new_rows_path(args.results)
    rows = []
    if mnist is not None:
        with tempfile.TemporaryDirectory(dir=args.place or args.results) as cache:
            rows = measure_warm(mnist, args.rounds, Path(cache))
        print_warm(rows, console)
    if args.large:
        rows.append(measure_large(console, args.place or args.results))
        print_large(rows[-1], console)
    facts = describe_environment()
    with open(path, "w") as file:
        file.writelines(json.dumps(row | {"environment": facts}) + "\n" for row in rows)
    console.print(f"Rows: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
