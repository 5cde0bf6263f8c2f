"""Measurements of one or more loops in this process: `python -m tests.parity.child ORDER`.

ORDER is JSON: "cases", a list of [loop, recipe, precision]; "setting", the fields of
`Setting`; "folder", where to write. Prints a JSON line for each case, with "case" and
"file", the name of a .npz file in that folder, "missing" or "error".
"""

import json
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np

from idxdata import MissingFrameworkError
from tests.parity.measure import Setting, measure
from tests.parity.more_recipes import ALL_RECIPES
from tests.parity.reference_loop import REFERENCE
from trainers.loops import find_loop
from trainers.loops.job import Precision


def measured_case(
    case: list[str], setting: Setting, folder: Path
) -> dict[str, str | list[str]]:
    """The line of one case; it never raises what a loop raises."""
    loop_name, recipe, precision = case
    loop = REFERENCE if loop_name == REFERENCE.name else find_loop(loop_name)
    try:
        found = measure(
            loop, ALL_RECIPES[recipe], cast("Precision", precision), setting
        )
    except MissingFrameworkError as error:
        return {"case": case, "missing": str(error)}
    # Whatever a framework raises is a result of the comparison.
    except Exception as error:  # noqa: BLE001
        return {"case": case, "error": f"{type(error).__name__}: {error}"}
    path = folder / f"{recipe}.{loop_name}.{precision}.npz"
    arrays: dict[str, Any] = dict(found)
    np.savez(path, **arrays)
    return {"case": case, "file": path.name}


def main() -> None:
    """Work through the order."""
    order = json.loads(sys.argv[1])
    setting = Setting(**order["setting"])
    for case in order["cases"]:
        line = measured_case(case, setting, Path(order["folder"]))
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
