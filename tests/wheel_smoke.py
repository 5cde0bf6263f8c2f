"""What `make wheel` runs in an environment with the wheel, what setup.cfg demands."""

import contextlib
import importlib.metadata
import importlib.util
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import idxdata
from idxdata.cli import main

files = importlib.metadata.files("idxdata") or []
tops = {file.parts[0] for file in files if file.name != "idxdata"}
assert tops == {"idxdata", f"idxdata-{idxdata.__version__}.dist-info"}, tops
# The command, which pip makes.
assert any(
    file.name.partition(".")[0] == "idxdata" and ".." in file.parts for file in files
)
assert {"py.typed", "index.html", "app.js"} <= {file.name for file in files}
for package in ("torch", "tensorflow", "rich", "matplotlib"):
    assert importlib.util.find_spec(package) is None, package
assert Path(idxdata.__file__).is_relative_to(sys.prefix), idxdata.__file__

with tempfile.TemporaryDirectory() as folder:
    os.environ["IDXDATA_CACHE"] = folder
    path = Path(folder) / "x.gz"
    idxdata.write_idx(path, np.arange(6, dtype=">i4").reshape(2, 3))
    assert idxdata.read_idx(path).sum() == idxdata.open_idx(path).sum() == 15
    train = idxdata.load("glyphs").train
    batches = idxdata.Batches(train, idxdata.Plan(len(train), 1000, seed=0))
    assert batches.batch(0, 59).images.shape == (1000, 28, 28)
    for framework in ("torch", "tensorflow"):
        try:
            importlib.import_module(f"idxdata.adapters.{framework}")
        except idxdata.MissingFrameworkError as error:
            assert error.package == framework
        else:
            raise AssertionError(framework)
    # Tables want rich; JSON does not.
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["list", "--json"]) == main(["info", str(path), "--json"]) == 0
    assert len(json.loads(out.getvalue().splitlines()[0])) > 10
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        assert main(["info", str(path)]) == 1
    assert "idxdata[cli]" in errors.getvalue()
print("wheel: 1 passed, 0 failed")
