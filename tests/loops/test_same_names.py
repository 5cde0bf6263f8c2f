"""Every loop file has the functions that `trainers.loops` lists, in that order."""

import ast
import re
from pathlib import Path

import pytest

from trainers import loops

FILES = sorted(Path(loops.__file__).parent.glob("*_loop.py"))
LISTED = re.findall(
    r"^    (\w+)(?:\((.+?)\))?(?: |$)", loops.__doc__ or "", re.MULTILINE
)

OF_SEVERAL = LISTED[-2:]


def described(node: ast.stmt) -> tuple[str, str] | None:
    """Name and parameters of a public name in capitals, class or function."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper():
            found = name, ""
        case ast.ClassDef(name=name):
            found = name, ""
        case ast.FunctionDef(name=name, args=arguments):
            plain = ast.parse(ast.unparse(arguments).join(("def f(", "): pass"))).body[
                0
            ]
            assert isinstance(plain, ast.FunctionDef)
            for argument in plain.args.args:
                argument.annotation = None
            found = name, ast.unparse(plain.args)
        case _:
            return None
    return None if found[0].startswith("_") else found


def test_all_files_and_names_are_seen() -> None:
    assert {path.stem for path in FILES} == {x.module for x in loops.LOOPS.values()}
    assert LISTED[0] == ("FRAMEWORK", "") and LISTED[-3][0] == "load_model"
    assert [name for name, _ in OF_SEVERAL] == ["sum_over_ranks", "lost_rank"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_and_order(path: Path) -> None:
    nodes = ast.parse(path.read_text()).body
    found = [name for node in nodes if (name := described(node)) is not None]
    modules = {x.module for x in loops.LOOPS.values() if x.launcher is not None}
    assert found == (LISTED if path.stem in modules else LISTED[:-2])
