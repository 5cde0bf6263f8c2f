"""Writes datasets.md from the catalogue: python docs/generate_datasets.py"""

from pathlib import Path

from idxdata.catalogue import RECORDS, Record

PAGE = Path(__file__).with_name("datasets.md")
_INTRODUCTION = """\
# Datasets

What `idxdata.load(name)` knows by name. This page is made from the catalogue
(`idxdata/catalogue/`); `idxdata list NAME` has every file with its hashes.

"Hash" tells how a download is checked. *sha256* or *md5*: as published; *verified*: the
file itself was hashed for this catalogue; *none*: nobody has published one.
"""


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    rows = [
        "| Name | Train | Test | Classes | Download |",
        "| --- | --: | --: | --: | --: |",
    ]
    for record in RECORDS.values():
        counts = (_count(record, split) for split in ("train", "test"))
        size = _size(record)
        anchor = record.name.replace("/", "").replace("_", "_")
        cells = [f"[`{record.name}`](#{anchor})", *counts]
        rows.append(f"| {' | '.join(cells)} | {len(record.classes)} | {size} |")
    sections = [_section(record) for record in RECORDS.values()]
    return "\n".join([_INTRODUCTION, *rows, "", *sections])


def _count(record: Record, split: str) -> str:
    files = record.candidates(split, "images")
    if not files:
        return {"train": "60,000", "test": "10,000"}[split] if not record.files else "-"
    count = files[0].shape[0]
    return "any" if count is None else f"{count:,}"


def _size(record: Record) -> str:
    if record.archives:
        return f"{(record.archives[0].nbytes or 0) / 1e6:,.1f} MB"
    if not record.mirrors:
        return "-"
    fetched = {
        record.candidates(split, role)[0].name: record.candidates(split, role)[0].nbytes
        for split in record.splits
        for role in ("images", "labels")
    }
    known = [nbytes for nbytes in fetched.values() if nbytes is not None]
    return (
        f"{sum(known) / 1e6:,.1f} MB" if len(known) == len(fetched) else "not published"
    )


def _section(record: Record) -> str:
    lines = [f"## {record.name}", "", f"**{record.title}.** {record.citation}.", ""]
    facts = [("Licence", record.license)]
    if record.homepage:
        facts.append(("Page", f"<{record.homepage}>"))
    shown = [f"`{name}`" for name in record.classes[:12]]
    more = f" … `{record.classes[-1]}`" if len(record.classes) > 12 else ""
    facts.append((f"Classes ({len(record.classes)})", ", ".join(shown) + more))
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
        names = (f"`{one.name}` (sha256)" for one in record.archives)
        facts.append(("Archive", " or ".join(names)))
    if record.how_to_make:
        facts.append(("Made by", f"`{record.how_to_make}`"))
    lines += [f"- {name}: {text}" for name, text in facts]
    lines += [f"- {text[0].upper()}{text[1:]}." for text in record.quirks]
    if record.mirrors:
        lines += ["", "| File | Split | Shape | Hash |", "| --- | --- | --- | --- |"]
        for file in record.files:
            shape = " × ".join("n" if dim is None else f"{dim:,}" for dim in file.shape)
            kind = "sha256" if file.sha256 else "md5" if file.md5 else "none"
            verified = ", verified" if file.is_hash_verified else ""
            array = f" `{file.array}`" if file.array else ""
            lines.append(
                f"| `{file.name}`{array} | {file.split} | {shape} | {kind}{verified} |"
            )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
