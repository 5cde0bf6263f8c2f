"""A document as Markdown, its charts beside it as PNG files."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from benchmarks.report.document import (
    Block,
    Charts,
    Code,
    Document,
    Gallery,
    Heading,
    Items,
    TableBlock,
    Text,
)
from benchmarks.report.tables import markdown_table

FIGURES = PurePosixPath("figures")


def render_markdown(document: Document) -> str:
    """The whole of REPORT.md."""
    parts = [
        f"# {document.title}",
        *(f"**{sentence}**" for sentence in document.verdict),
        " · ".join(document.facts),
    ]
    if document.warnings:
        parts += ["## Before you read on", _list(document.warnings)]
    if document.findings:
        parts += ["## Findings", _list(document.findings)]
    for section in document.sections:
        parts.append(f"## {section.title}")
        for block in section.blocks:
            parts += _block(block)
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> Iterator[str]:
    match block:
        case Text(text):
            yield text
        case Heading(text):
            yield f"### {text}"
        case Items(items):
            yield _list(items)
        case TableBlock(table, title):
            if title:
                yield f"**{title}**"
            yield markdown_table(table.columns, table.rows)
            if table.note:
                yield table.note
        case Charts(charts, caption):
            for chart in charts:
                yield f"![{chart.text}]({FIGURES / chart.name}.png)"
            if caption:
                yield caption
        case Gallery(title, pictures):
            yield f"**{title}** (pictures in report.html)"
            yield _list(tuple(picture.caption for picture in pictures))
        case Code(text):
            yield f"```\n{text}\n```"


def _list(items: tuple[str, ...]) -> str:
    return "\n".join(f"- {item}" for item in items)
