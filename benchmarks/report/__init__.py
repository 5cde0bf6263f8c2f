"""Rows to what people read: HTML, Markdown, pictures, and the terminal's tables."""

from pathlib import Path

from idxdata.dataset import Dataset


def write_reports(folder: Path, dataset: Dataset | None, *, command: str) -> Path:
    """Write report.html, REPORT.md and figures/ from the rows in `folder`.

    Reads rows.jsonl and sensitivity-*.jsonl there, of which either may be missing;
    returns the path of report.html.
    Each file replaces an earlier one when it is whole. `dataset`: whose test images are
    shown where contenders are wrong; None shows none. `command`: what repeats this run.

    Raises `FormatError` for what are no rows, and `OSError`.
    """
    # matplotlib and Jinja2 are for those who write reports.
    from benchmarks.report.writing import write

    return write(folder, dataset, command=command)
