"""The words below an example, and the name of its class, as a terminal may have them."""

from idxdata.commands.choosing import Example
from idxdata.commands.opening import Opened
from idxdata.commands.printing import safe

_MAX_NAME = 24


def caption(opened: Opened, example: Example) -> str:
    """Such as "12: 7", or "12" where there are no labels."""
    if example.label is None:
        return f"{example.index}"
    return f"{example.index}: {class_name(opened, example.label)}"


def class_name(opened: Opened, label: int) -> str:
    """Cut short where it is too long to stand below a picture."""
    name = safe(opened.classes[label])
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…"
