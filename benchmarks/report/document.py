"""What a report says, in what order: one content for HTML and for Markdown."""

from dataclasses import dataclass, replace

from benchmarks.report.drawing import Chart
from benchmarks.report.tables import Table


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """Of what follows within a section: a group's name."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of sentences; `is_warning` for what must not be overlooked."""

    items: tuple[str, ...]
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class TableBlock:
    """`is_folded`: long, shown on demand; then it has a title."""

    table: Table
    title: str = ""
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class Charts:
    """Side by side where there is room. `caption`: what is shown, and what is not."""

    charts: tuple[Chart, ...]
    caption: str


@dataclass(frozen=True, slots=True)
class Picture:
    """`png` is the file's bytes."""

    png: bytes
    caption: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures of one kind."""

    title: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A command to copy."""

    text: str


Block = Text | Heading | Items | TableBlock | Charts | Gallery | Code


@dataclass(frozen=True, slots=True)
class Section:
    """`key`: its id."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """`facts`: what was run where, in a few words each. `verdict`: two sentences."""

    title: str
    facts: tuple[str, ...]
    verdict: tuple[str, str]
    warnings: tuple[str, ...]
    findings: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def charts(self) -> list[Chart]:
        """All of them, in order."""
        return [
            chart
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Charts)
            for chart in block.charts
        ]


def said_once(section: Section) -> Section:
    """Notes and captions where they are needed first, not with each group again."""
    seen: set[str] = set()

    def once(text: str) -> str:
        is_new = text not in seen
        seen.add(text)
        return text if is_new else ""

    blocks: list[Block] = []
    for block in section.blocks:
        if isinstance(block, TableBlock):
            table = replace(block.table, note=once(block.table.note))
            blocks.append(replace(block, table=table))
        elif isinstance(block, Charts):
            blocks.append(replace(block, caption=once(block.caption)))
        else:
            blocks.append(block)
    return replace(section, blocks=tuple(blocks))
