"""The labels that lie beside a file of images, by MNIST's way of naming."""

import re
from pathlib import Path

_IMAGES = re.compile(
    r"(?P<stem>(?:.*-)?)images(?P<number>-\d+-of-\d+)?[-.]idx\d+-\w+?(?P<packing>\.(?:gz|xz|zip))?",
    re.DOTALL,
)


def labels_beside(images: Path) -> Path | None:
    """Such as "t10k-labels-idx1-ubyte.gz" for "t10k-images.idx3-ubyte.gz", if it is there.

    Of several that fit, one packed as `images` is goes first, then a raw one. None
    where `images` is named otherwise.
    """
    name = _IMAGES.fullmatch(images.name)
    if name is None:
        return None
    labels = re.compile(
        f"{re.escape(name['stem'])}labels{name['number'] or ''}"
        r"[-.]idx\d+-\w+?(?P<packing>\.(?:gz|xz|zip))?"
    )
    fitting = {
        path: match["packing"] or ""
        for path in images.parent.iterdir()
        if (match := labels.fullmatch(path.name)) and path.is_file()
    }
    own = name["packing"] or ""
    return min(
        fitting,
        key=lambda path: (fitting[path] != own, fitting[path], path),
        default=None,
    )
