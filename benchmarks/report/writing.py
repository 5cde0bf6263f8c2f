"""A folder of rows to report.html, REPORT.md and figures."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report.condition_sections import condition_sections
from benchmarks.report.document import Document, Section, said_once
from benchmarks.report.drawing import Chart, looks, png_bytes, style, svg_text
from benchmarks.report.gallery import gallery_section
from benchmarks.report.host_sections import host_section
from benchmarks.report.html import render_html
from benchmarks.report.markdown import render_markdown
from benchmarks.report.quality_sections import quality_sections, sensitivity_section
from benchmarks.report.speed_sections import speed_sections
from benchmarks.verdict import Row, Verdict, judge
from benchmarks.verdict.findings import disturbance, is_disturbed
from benchmarks.verdict.group import failure_lines
from benchmarks.verdict.hosts import host_labels
from benchmarks.verdict.rows import RowFile, read_file
from benchmarks.verdict.sensitivity import without_loader
from benchmarks.words import count, series
from idxdata.atomic import atomic_write
from idxdata.dataset import Dataset
from idxdata.errors import FormatError

ROWS = "rows.jsonl"
AXIS_PREFIX = "sensitivity-"


def write(folder: Path, dataset: Dataset | None, *, command: str) -> Path:
    """See `benchmarks.report.write_reports`."""
    axes = {
        path.stem.removeprefix(AXIS_PREFIX): read_file(path)
        for path in sorted(folder.glob(f"{AXIS_PREFIX}*.jsonl"))
    }
    path = folder / ROWS
    main = RowFile([], None) if axes and not path.exists() else read_file(path)
    rows = main.rows or [row for file in axes.values() for row in file.rows]
    if not rows:
        raise FormatError("no rows", path=path)
    verdict = judge(
        main.rows, sensitivity={axis: file.rows for axis, file in axes.items()}
    )
    notes = [file.note for file in (main, *axes.values()) if file.note is not None]
    with style():
        document = make_document(verdict, rows, dataset, command, notes)
        svgs = _write_figures(folder / "figures", document.charts)
    _publish(folder / "REPORT.md", render_markdown(document).encode())
    page = folder / "report.html"
    _publish(page, render_html(document, svgs).encode())
    return page


def make_document(
    verdict: Verdict,
    rows: Sequence[Row],
    dataset: Dataset | None,
    command: str,
    notes: Sequence[str] = (),
) -> Document:
    """The whole report. Charts are drawn, nothing is written."""
    along = [point.group for axis in verdict.sensitivities for point in axis.points]
    names = [name for group in (*verdict.groups, *along) for name in group.entered]
    shown = looks([without_loader(name) for name in names])
    shown |= {name: shown[without_loader(name)] for name in names}
    classes = () if dataset is None else dataset.classes
    groups = [group for group in verdict.groups if group.contenders]
    digest = groups[0].contenders[0].first.digests["data"] if groups else None
    sections: list[Section | None] = [
        host_section(verdict, rows),
        *(speed_sections(verdict, shown) if groups else ()),
        *(quality_sections(verdict, shown, classes) if groups else ()),
        gallery_section(groups, dataset, digest) if groups else None,
        sensitivity_section(verdict, shown),
        *condition_sections(verdict, rows, command, _files(verdict)),
    ]
    warnings = (*notes, *_warnings(verdict))
    return Document(
        title=f"Frameworks side by side on {rows[0].case.data}",
        facts=_title_facts(rows),
        verdict=verdict.sentences,
        warnings=warnings,
        findings=tuple(one for one in verdict.findings if one not in warnings),
        sections=tuple(said_once(one) for one in sections if one and one.blocks),
    )


def _warnings(verdict: Verdict) -> list[str]:
    """What a reader has to know before any figure."""
    found = [f"{one}." for one in verdict.refusals]
    found += [f"{line}." for line in failure_lines(verdict.failures)]
    found += [disturbance(group) for group in verdict.groups if is_disturbed(group)]
    return list(dict.fromkeys(found))


def _title_facts(rows: Sequence[Row]) -> tuple[str, ...]:
    environment = rows[0].environment
    day = rows[-1].session[:8]
    rounds = {(row.group, row.session, row.round) for row in rows}
    most = max(Counter(group for group, _, _ in rounds).values())
    hosts = len(host_labels(rows))
    where = environment.get("cpu", "unknown processor")
    if hosts > 1:
        where = count(hosts, "host")
    return (
        series(dict.fromkeys(row.contender for row in rows)),
        count(most, "round"),
        f"{where}, {count(rows[0].case.num_threads, 'thread')}",
        f"commit {environment.get('commit') or 'not known'}",
        f"{day[:4]}-{day[4:6]}-{day[6:]}",
    )


def _files(verdict: Verdict) -> list[str]:
    axes = dict.fromkeys(axis.axis for axis in verdict.sensitivities)
    main = [ROWS] if verdict.groups else []
    return [*main, *(f"{AXIS_PREFIX}{axis}.jsonl" for axis in axes)]


def _write_figures(folder: Path, charts: Sequence[Chart]) -> dict[str, str]:
    """Both kinds of file; SVG text by chart."""
    folder.mkdir(parents=True, exist_ok=True)
    svgs = {}
    for chart in charts:
        svgs[chart.name] = svg_text(chart)
        # What was laid out once stays so.
        chart.figure.set_layout_engine("none")
        _publish(folder / f"{chart.name}.svg", svgs[chart.name].encode())
        _publish(folder / f"{chart.name}.png", png_bytes(chart))
    return svgs


def _publish(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)
