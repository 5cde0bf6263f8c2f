"""A measurement in a process of its own, whose last line of output is its record."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""What is stored of a case: "case", "environment", "foreign_load", and either
"record" (JSON) or "error" (text)."""

_ROOT = Path(__file__).parents[1]


def run_child(module: str, order: Row, environ: dict[str, str], limit_s: float) -> Row:
    """`python -m module` with `order` as JSON: {"record": ...}, or {"error": text}."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, json.dumps(order)],
            check=False,
            capture_output=True,
            text=True,
            cwd=_ROOT,
            env=environ,
            timeout=limit_s,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit_s:g} s"}
    if done.returncode:
        messages = done.stderr.strip().splitlines() or ["no message"]
        return {"error": f"exit status {done.returncode}: {messages[-1]}"}
    return {"record": json.loads(done.stdout.splitlines()[-1])["record"]}
