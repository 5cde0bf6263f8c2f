"""A document as one HTML file that needs nothing else: no network, no JavaScript."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmarks.report.document import Document
from benchmarks.report.drawing import Chart, inline_svg

_LONG_NAME = 24

TEMPLATES = Path(__file__).parent / "templates"


def render_html(document: Document, svgs: Mapping[str, str]) -> str:
    """`svgs`: `svg_text` of each chart, by its name."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "kind": _kind,
        "data_uri": _data_uri,
        "ticks": _ticks,
        "asides": _asides,
    }

    def svg(chart: Chart) -> Markup:
        return Markup(inline_svg(chart, svgs[chart.name]))

    template = environment.get_template("report.html.j2")
    css = Markup((TEMPLATES / "report.css").read_text())
    return template.render(document=document, css=css, svg=svg)


def _kind(block: object) -> str:
    return type(block).__name__


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _asides(text: str) -> Markup:
    """What is between brackets in quieter letters."""
    parts = re.split(r"(\([^()]*\))", text)
    return Markup("").join(
        Markup("<small>{}</small>").format(_words(part)) if index % 2 else _words(part)
        for index, part in enumerate(parts)
    )


def _ticks(text: str) -> Markup:
    """What is between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else _words(part)
        for index, part in enumerate(parts)
    )


def _words(text: str) -> Markup:
    """Names with hyphens stay on one line, if they fit one, and numbers with signs."""
    parts = re.split(r"([\w.]+(?:-[\w.]+)+|[\d.]+ %|\w+ ×\d+)", text)
    return Markup("").join(
        Markup('<span class="name">{}</span>').format(part)
        if index % 2 and len(part) < _LONG_NAME
        else escape(part)
        for index, part in enumerate(parts)
    )
