"""`view`: a page in the browser to look through a dataset, or a file of images."""

import argparse
import json
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from idxdata.cache import open_idx
from idxdata.catalogue import RECORDS
from idxdata.dataset import Dataset
from idxdata.loading import load
from idxdata.loading.located import located
from idxdata.sniff import LOOKAHEAD_NBYTES, ZIP_MAGICS
from idxdata.viewer.gallery import Gallery, Part
from idxdata.viewer.server import is_loopback, serve

DEFAULT_HOST = "127.0.0.1"

_NPY = b"\x93NUMPY"
_OF_DATASETS = (*ZIP_MAGICS, b"PAR1")
"""Archives and tables hold labels as well as images: `load` reads them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `main`."""
    parser.add_argument(
        "what",
        metavar="FILE|NAME",
        help="a file of images (IDX or .npy), a dataset's name, or its folder or file",
    )
    parser.add_argument(
        "--labels", metavar="FILE", help="the labels that go with a file of images"
    )
    parser.add_argument(
        "--port",
        type=port_number,
        default=0,
        help="where the page is served (default: any that is free)",
    )
    parser.add_argument(
        "--host",
        help=f"the address it is served at (default: {DEFAULT_HOST}, which nobody "
        "else's machine reaches)",
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, open nothing"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the address and the splits as JSON"
    )


def main(args: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; prints its address, and opens it in the browser.

    Raises what `gallery_of` does, and `OSError` if it cannot listen there.
    """
    gallery = gallery_of(args.what, labels=args.labels)
    host = args.host or DEFAULT_HOST
    if not is_loopback(host):
        print(
            f"warning: whoever reaches {host} over the network sees this data",
            file=sys.stderr,
        )

    def on_ready(url: str) -> None:
        if args.json:
            counts = {name: len(part.images) for name, part in gallery.parts.items()}
            facts = {"title": gallery.title, "url": url, "examples": counts}
            print(json.dumps(facts), flush=True)
        else:
            print(f"{gallery.title}: {url}\nCtrl-C ends it", flush=True)
        if not args.no_browser and _has_screen():
            # Some browsers keep whoever opens them waiting.
            threading.Thread(
                target=webbrowser.open,
                args=(url,),
                name="idxdata-browser",
                daemon=True,
            ).start()

    serve(gallery, host=host, port=args.port, on_ready=on_ready)
    return 0


def gallery_of(what: str, *, labels: str | None = None) -> Gallery:
    """What `view` shows: a file of images by its path, or what `load` makes of `what`.

    An existing file is IDX, raw or compressed, unless it is an .npy file or one that
    `load` reads with its labels; a name of the catalogue goes before a file of that
    name. Raises the errors of `open_idx`, of `load` and of `Part`; `ValueError` for
    `labels` with what has its own.
    """
    start = None if what in RECORDS else _first_bytes(what)
    has_labels = start is None or start.startswith(_OF_DATASETS)
    if has_labels and labels is None:
        is_path = what not in RECORDS and os.path.exists(what)
        name = str(Path(what).absolute()) if is_path else what
        return dataset_gallery(load(what), f"idxdata.load({_quoted(name)})")
    if has_labels and (what in RECORDS or os.path.exists(what)):
        raise ValueError("--labels goes with a file of images alone")
    images, images_code = _open(what)
    opened, lines = None, [f"images = {images_code}"]
    if labels is not None:
        opened, labels_code = _open(labels)
        lines.append(f"labels = {labels_code}")
    modules = [name for name in ("idxdata", "numpy") if f" {name}." in "\n".join(lines)]
    code = "\n".join([*(f"import {name}" for name in modules), *lines])
    with located(what, "images"):
        part = Part(images, opened)
    return Gallery(Path(what).name, {"images": part}, None, code)


def dataset_gallery(data: Dataset, call: str) -> Gallery:
    """A gallery with a part for each split. `call`: the Python that gives `data`."""
    parts = {}
    for name, split in data.splits.items():
        code = f"data.{name}" if name in ("train", "test") else f"data.splits[{name!r}]"
        parts[name] = Part(
            split.images, split.labels, f"{code}.images", f"{code}.labels"
        )
    code = f"import idxdata\ndata = {call}"
    return Gallery(data.name, parts, data.classes, code)


def port_number(text: str) -> int:
    """A command line's port, 0 for any."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, found {text!r}")
    return int(text)


def _first_bytes(path: str) -> bytes | None:
    """None where there is no such file; folders are none."""
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read(LOOKAHEAD_NBYTES)


def _open(path: str) -> tuple[NDArray[Any], str]:
    """The array in a file, mapped where that can be, and the Python that opens it."""
    name = _quoted(str(Path(path).absolute()))
    if (_first_bytes(path) or b"").startswith(_NPY):
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return array, f'numpy.load({name}, mmap_mode="r")'
    return open_idx(path, alignment=1), f"idxdata.open_idx({name})"


def _quoted(text: str) -> str:
    """`text` as a Python string, in double quotes where it needs no escapes."""
    plain = repr(text) == f"'{text}'" and '"' not in text
    return f'"{text}"' if plain else repr(text)


def _has_screen() -> bool:
    """Whether a browser would open in a window, and not take over the terminal."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
