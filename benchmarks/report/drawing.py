"""One way to draw for both kinds of file: PNG on white, SVG that takes the page's colours.

All ink is of one colour that nothing else has, so that in an SVG it can be replaced by
`currentColor`; series have colours that can be told on white and on black, and by
colour-blind eyes (Okabe and Ito).
"""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

INK = "#010203"

COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00",
    # Beyond theirs that can be seen on white: for as many as there are loops.
    "#8C8C8C", "#8A63D2", "#A07A3C",
)  # fmt: skip
DIM = COLOURS[0]
DATA, COMPUTE, REST = "#E69F00", "#0072B2", "#8C8C8C"
WRONG = "#D55E00"

PANEL = (4.5, 3.0)
"""Inches: as wide as a phone shows it without shrinking letters much."""

_TITLE_PAD, _LEGEND_LINE = 7, 13
"""Points: below a title, and as much for a line of a legend."""

_LONGEST = 30
_LEGEND_LETTERS = 48
"""In a line of a legend; its handles are as wide as six letters."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.18,
    "svg.fonttype": "none",
    "text.parse_math": False,
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


def finish(axes: Axes, title: str) -> None:
    """Title above legend above axes, where they hide nothing; each label once."""
    handles, labels = axes.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))
    lines = 0
    if by_label:
        longest = min(_LONGEST, max(map(len, by_label)))
        columns = max(1, _LEGEND_LETTERS // (longest + 6))
        lines = -(-len(by_label) // columns)
        axes.legend(
            by_label.values(),
            map(clipped, by_label),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=min(columns, len(by_label)),
            borderaxespad=0.2,
            borderpad=0,
            labelspacing=0.35,
            handlelength=1.8,
            columnspacing=1.2,
        )
    axes.set_title(clipped(title, length=48), pad=_TITLE_PAD + _LEGEND_LINE * lines)


def log_axis(axis: Axis) -> None:
    """Powers of ten in plain letters, as names may have dollars in them."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
    axis.set_minor_formatter(NullFormatter())


def _power(value: float) -> str:
    if 1e-3 < value < 1e4:
        return f"{value:g}"
    return "10" + f"{round(math.log10(value))}".translate(_SUPERSCRIPTS)


def clipped(text: str, *, length: int = _LONGEST) -> str:
    """No chart has room for more."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


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
    return re.sub(r"<[^>]*>", _short_numbers, text)


def _short_numbers(tag: re.Match[str]) -> str:
    """A hundredth of a point is far below what is to be seen."""
    return re.sub(r"(\d+\.\d{2})\d+", r"\1", tag[0])


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
    # Letters of the page, which are narrower than those that were measured; and the
    # one colour that is dim on black as the page wants it.
    svg = re.sub(r"'DejaVu Sans'(, [^;\"]*)?", "inherit", svg)
    return svg.replace(DIM.lower(), f"var(--dim, {DIM})")


def slug(text: str) -> str:
    """A part of a file's name and of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
