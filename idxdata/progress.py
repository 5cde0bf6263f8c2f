"""A progress bar on standard error, when somebody is there to see it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of units just done, of `total`.

    Shows a bar while the block runs, if standard error is a terminal and the
    package rich is installed (it comes with the extra `idxdata[progress]`);
    silent otherwise.
    """
    if not _is_terminal():
        yield _silent
        return
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import Progress
    except ImportError:
        yield _silent
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(label), total=total)
        yield lambda count: bar.advance(task, count)


def _silent(count: int) -> None:
    pass


def _is_terminal() -> bool:
    # Programs without a console have None there, others any object that writes.
    try:
        return bool(sys.stderr.isatty())
    except (AttributeError, ValueError):
        return False


@contextmanager
def waiting_note(text: str) -> Iterator[None]:
    """Show `text` with a spinner while the block runs, where a bar would be shown."""
    if not _is_terminal():
        yield
        return
    try:
        from rich.console import Console
        from rich.markup import escape
    except ImportError:
        print(f"{text} ...", file=sys.stderr)
        yield
        return
    with Console(stderr=True).status(escape(text)):
        yield
