"""The first inputs of a fuzzing run, written to a folder: `python -m tests.fuzz.seeds F`."""

import gzip
import io
import lzma
import sys
import zipfile
from pathlib import Path

from tests.gzip_members import deflate, with_all_fields
from tests.inflate_vectors import SOUND, UNSOUND
from tests.reading import SMALL

MAX_SEED_NBYTES = 2048


def seeds() -> list[bytes]:
    """Inputs of `tests.fuzz.targets.check`, of every kind, sound and not."""
    inputs = []
    for data in SMALL.values():
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("a", data)
        members = gzip.compress(data[:5], mtime=0) + with_all_fields(data[5:]).raw
        whole = [data, members, lzma.compress(data), archive.getvalue()]
        inputs += [b"\x00" + content for content in whole]
        inputs += [b"\x02" + deflate(data, level) for level in (0, 1, 9)]
        inputs.append(b"\x03" + data)
    for stream in SOUND.values():
        inputs.append(b"\x01" + stream.raw())
    for _, stream in UNSOUND.values():
        inputs.append(b"\x01" + stream.raw())
    return [data for data in inputs if len(data) <= MAX_SEED_NBYTES]


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds()):
        (folder / f"seed-{number:03}").write_bytes(data)


if __name__ == "__main__":
    main()
