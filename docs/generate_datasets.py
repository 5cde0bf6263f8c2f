"""Writes datasets.md from the catalogue: python docs/generate_datasets.py"""

import re
from pathlib import Path

from idxdata.catalogue import RECORDS, FileRecord, Record

PAGE = Path(__file__).with_name("datasets.md")
_GLYPHS = {"train": "60,000", "test": "10,000"}
"""Not in the catalogue, since no file holds them."""
_MAX_CLASSES = 12
_INTRODUCTION = """\
# Datasets

What `idxdata.load(name)` knows by name. This page is made from the catalogue
(`idxdata/catalogue/`); `idxdata list NAME` has every file with its address and hash. All
images are grey, 28 × 28, uint8.

"Hash" tells how a download is checked: by the SHA-256 or MD5 that its authors or the usual
loaders give, or, where nobody has published one (*none*), by decoding it and comparing
shapes. *verified*: the file itself was hashed for this catalogue as well. [Fetching](fetching.md)
says what happens around it.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    rows = [
        "| Name | Train | Test | Classes | Download | Licence |",
        "| --- | --: | --: | --: | --: | --- |",
        *map(_row, RECORDS.values()),
    ]
    sections = map(_section, RECORDS.values())
    return "\n".join([_INTRODUCTION, *rows, "", *sections])


def _row(record: Record) -> str:
    anchor = record.name.replace("/", "")
    cells = [
        f"[`{record.name}`](#{anchor})",
        *(_count(record, split) for split in ("train", "test")),
        str(len(record.classes)),
        _size(record),
        re.split("[:;,(]", record.license)[0].strip(),
    ]
    return f"| {' | '.join(cells)} |"


def _count(record: Record, split: str) -> str:
    if not record.files:
        return _GLYPHS[split]
    files = record.candidates(split, "images")
    if not files:
        return "-"
    count = files[0].shape[0]
    return "any" if count is None else f"{count:,}"


def _shape(dims: tuple[int | None, ...]) -> str:
    return " × ".join("n" if dim is None else f"{dim:,}" for dim in dims)


def _fetched(record: Record) -> dict[str, FileRecord]:
    """The files that are fetched, by name: the first candidates."""
    files = (
        record.candidates(split, role)[0]
        for split in record.splits
        for role in ("images", "labels")
    )
    return {file.name: file for file in files}


def _size(record: Record) -> str:
    if record.archives:
        return f"{(record.archives[0].nbytes or 0) / 1e6:,.1f} MB"
    if not record.mirrors:
        return "-"
    known = [file.nbytes for file in _fetched(record).values() if file.nbytes]
    is_known = len(known) == len(_fetched(record))
    return f"{sum(known) / 1e6:,.1f} MB" if is_known else "not published"


def _hash(file: FileRecord) -> str:
    kind = "SHA-256" if file.sha256 else "MD5" if file.md5 else "none"
    return f"{kind}, verified" if file.is_hash_verified else kind


def _section(record: Record) -> str:
    lines = [f"## {record.name}", "", f"**{record.title}.** {record.citation}.", ""]
    lines += [f"- {name}: {text}" for name, text in _facts(record)]
    lines += [f"- {text[0].upper()}{text[1:]}." for text in record.quirks]
    if record.mirrors:
        lines += ["", "| File | Split | Shape | Hash |", "| --- | --- | --- | --- |"]
        for file in record.files:
            array = f" `{file.array}`" if file.array else ""
            cells = [f"`{file.name}`{array}", file.split, _shape(file.shape)]
            lines.append(f"| {' | '.join([*cells, _hash(file)])} |")
    return "\n".join([*lines, ""])


def _facts(record: Record) -> list[tuple[str, str]]:
    facts = [("Licence", record.license)]
    if record.homepage:
        facts.append(("Page", f"<{record.homepage}>"))
    shown = [f"`{name}`" for name in record.classes[:_MAX_CLASSES]]
    is_cut = len(record.classes) > _MAX_CLASSES
    more = f" … `{record.classes[-1]}`" if is_cut else ""
    facts.append((f"Classes ({len(record.classes)})", ", ".join(shown) + more))
    if record.first_label:
        facts.append(("Labels", f"from {record.first_label} on"))
    if record.characters:
        facts.append(("Characters", " ".join(record.characters)))
    if record.files:
        facts.append(("Splits", ", ".join(record.splits)))
    for subset in record.subsets:
        stop = "" if subset.stop is None else f"{subset.stop:,}"
        facts.append((f"`{subset.name}`", f"{subset.split}[{subset.start:,}:{stop}]"))
    if record.label_columns:
        facts.append(("Label columns", ", ".join(record.label_columns)))
    if record.archives:
        names = (f"`{one.name}` (SHA-256)" for one in record.archives)
        facts.append(("Archive", " or ".join(names)))
    if record.how_to_make:
        facts.append(("Made by", f"`{record.how_to_make}`"))
    return facts


if __name__ == "__main__":
    main()
