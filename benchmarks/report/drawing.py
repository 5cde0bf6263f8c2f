"""One way to draw for both kinds of file: PNG on white, SVG that takes the page's colours.

All ink is of one colour that nothing else has, so that in an SVG it can be replaced by
`currentColor`; series have colours that can be told on white and on black, and by
colour-blind eyes (Okabe and Ito).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
DATA, COMPUTE, REST = "#E69F00", "#0072B2", "#8C8C8C"
WRONG = "#D55E00"

PANEL = (4.7, 3.1)
"""Inches: as wide as a phone shows it without shrinking letters much."""

_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.18,
    "svg.fonttype": "none",
    **dict.fromkeys(
        (
            "text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color",
            "ytick.color", "grid.color", "axes.titlecolor", "hatch.color",
        ),
        INK,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How a contender is drawn, the same in every chart."""

    colour: str
    dash: str | tuple[int, tuple[float, ...]]
    marker: str


@dataclass(frozen=True)
class Chart:
    """`name` is the files' stem and told apart from all others of a report; `text` says
    what is to be seen, for those who do not see it."""

    name: str
    text: str
    figure: Figure


def looks(names: Sequence[str]) -> dict[str, Look]:
    """By contender, in the order of entry."""
    return {
        name: Look(
            COLOURS[index % len(COLOURS)],
            _DASHES[index % len(_DASHES)],
            _MARKERS[index % len(_MARKERS)],
        )
        for index, name in enumerate(dict.fromkeys(names))
    }


@contextmanager
def style() -> Iterator[None]:
    """Charts are made and saved within."""
    with matplotlib.rc_context(_STYLE):
        yield


def panel(*, height: float = PANEL[1], width: float = PANEL[0]) -> tuple[Figure, Axes]:
    """A figure of one pair of axes; inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def legend_above(axes: Axes, *, columns: int = 2) -> None:
    """Where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=min(columns, len(labels)),
            borderaxespad=0.2,
            handlelength=1.8,
            columnspacing=1.2,
        )


def png_bytes(chart: Chart) -> bytes:
    """On white."""
    file = BytesIO()
    chart.figure.savefig(file, format="png", dpi=150, facecolor="white")
    return file.getvalue()


def svg_text(chart: Chart) -> str:
    """A file of its own, transparent."""
    file = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": chart.name}):
        chart.figure.savefig(
            file, format="svg", transparent=True, metadata={"Date": None}
        )
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text.replace(INK, "currentColor")
    # A hundredth of a point is far below what is to be seen.
    return re.sub(r"(\d+\.\d{2})\d+", r"\1", text)


def inline_svg(chart: Chart, svg: str) -> str:
    """`svg_text`'s for use within HTML: no addresses, and names that no other has."""
    svg = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
    kept = {first or second for first, second in used}

    def renamed(match: re.Match[str]) -> str:
        return f' id="{chart.name}-{match[1]}"' if match[1] in kept else ""

    svg = re.sub(r'\s+id="([^"]*)"', renamed, svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{chart.name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{chart.name}-\1"', svg)
    # The page's letters, which are narrower than those that were measured.
    svg = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "inherit-sans", svg)
    return svg


def slug(text: str) -> str:
    """A part of a file's name and of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
