"""A contender's process: trains, and waits for its turn before whatever takes time.

Prints events as lines of JSON; goes on when it reads a line. The parent is
`benchmarks.contest.player`.
"""

import gc
import json
import os
import sys
from typing import Any, TextIO

_events: TextIO = sys.stdout


def main() -> int:
    """Run the order given as JSON. Returns the exit status."""
    global _events
    order: dict[str, Any] = json.loads(sys.argv[1])
    # Events alone go to the parent; a framework's chatter goes where errors do.
    _events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Before any library starts a thread.
    if order["affinity"] is not None:
        os.sched_setaffinity(0, order["affinity"])
    from benchmarks.contest.work import work

    work(order, emit, wait)
    return 0


def emit(event: dict[str, Any]) -> None:
    """One line for the parent."""
    print(json.dumps(event), file=_events, flush=True)


def wait(what: str) -> None:
    """Until it is this contender's turn to do `what`; exits if the parent is gone."""
    # Not while others have their turn.
    gc.collect()
    emit({"event": "waiting", "next": what})
    if not sys.stdin.readline():
        raise SystemExit(3)


if __name__ == "__main__":
    sys.exit(main())
