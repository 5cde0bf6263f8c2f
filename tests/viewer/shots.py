"""Screenshots of the page, to be looked at: `python -m tests.viewer.shots FOLDER`.

Of the real MNIST, which is drawn from `shared/data` or from $IDXDATA_TEST_DATA, and of
8.1 million rows with MNIST's test images at their end.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from idxdata import Dataset, load, open_idx
from idxdata.commands.view_command import dataset_gallery
from idxdata.viewer.gallery import Gallery, Part
from tests.conftest import DATA_VARIABLE, SHARED_DATA
from tests.viewer.chromium import Chromium, Page, find_chromium
from tests.viewer.large import COUNT, SIDE, make_large
from tests.viewer.serving import Client, running

_READY = """document.readyState === 'complete'
    && document.querySelector('.cell:not([hidden])') !== null
    && document.querySelector('.cell.coming:not([hidden])') === null
    && document.getElementById('measuring').hidden"""
_DETAIL = "!document.getElementById('example').hidden"
_END = (
    "(grid => { grid.scrollTop = grid.scrollHeight; })(document.getElementById('grid'))"
)


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where the page is, on which screen, and what is done first."""

    place: str = ""
    width: int = 1280
    height: int = 800
    scheme: str = "light"
    script: str = ""


_PHONE = {"width": 390, "height": 844}
_MNIST = {
    "light": Shot(),
    "light-detail": Shot("#row=59915"),
    "dark-misfits": Shot(
        "#labels=4,9&sort=distance&reverse=1&row=45688", scheme="dark"
    ),
    "light-inverted": Shot("#invert=1&sort=ink&reverse=1&size=3&row=22768"),
    "dark-pixels": Shot(
        "#row=40", height=1000, scheme="dark", script="pixels.open = true"
    ),
    "tablet": Shot("#row=7&size=1", width=900, height=700),
    "phone-light": Shot(**_PHONE),  # type: ignore[arg-type]
    "phone-light-detail": Shot("#labels=8&sort=ink&row=59999", **_PHONE),  # type: ignore[arg-type]
    "phone-dark-detail": Shot("#row=7", scheme="dark", **_PHONE),  # type: ignore[arg-type]
}
_LARGE = {
    "large-end": Shot(script=_END),
    "large-end-dark-detail": Shot(f"#row={COUNT - 1}", scheme="dark"),
    "large-end-phone": Shot(script=_END, **_PHONE),  # type: ignore[arg-type]
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.viewer.shots")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium: set CHROME to its program")
    folder.mkdir(parents=True, exist_ok=True)
    data = load(Path(os.environ.get(DATA_VARIABLE) or SHARED_DATA) / "mnist")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "chromium").mkdir()
        browser = Chromium(program, Path(place) / "chromium")
        try:
            page = browser.new_page()
            gallery = dataset_gallery(data, 'idxdata.load("mnist")')
            with running(gallery) as client:
                shoot(page, client, _MNIST, folder)
            with running(_large_gallery(Path(place), data)) as client:
                shoot(page, client, _LARGE, folder)
        finally:
            browser.close()


def shoot(page: Page, client: Client, shots: dict[str, Shot], folder: Path) -> None:
    for name, shot in shots.items():
        page.go("about:blank")
        page.prefer(shot.scheme)
        page.resize(shot.width, shot.height, is_phone=shot.width < 500)
        page.go(client.server.url + shot.place)
        page.wait(_READY)
        if "row=" in shot.place:
            page.wait(_DETAIL)
        page.value(shot.script)
        page.value("new Promise((done) => setTimeout(done, 500))")
        page.wait(_READY)
        page.shoot(folder / f"{name}.png")
        print(f"{name}: {page.text('#status')}", *page.complaints, sep="\n  ")


def _large_gallery(folder: Path, data: Dataset) -> Gallery:
    if make_large(folder) is None:
        sys.exit("a file with a hole takes its whole size here")
    first = COUNT - len(data.test)
    names = ("images-idx3-ubyte", "labels-idx1-ubyte")
    for name, array, start in zip(
        names,
        data.test.to_numpy(),
        (16 + first * SIDE * SIDE, 8 + first),
        strict=True,
    ):
        with (folder / name).open("r+b") as file:
            file.seek(start)
            file.write(array.tobytes())
    images, labels = (open_idx(folder / name) for name in names)
    code = f'import idxdata\nimages = idxdata.open_idx("{names[0]}")'
    code += f'\nlabels = idxdata.open_idx("{names[1]}")'
    return Gallery(names[0], {"images": Part(images, labels)}, None, code)


if __name__ == "__main__":
    main()
