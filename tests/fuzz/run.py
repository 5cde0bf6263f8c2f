"""Coverage-guided fuzzing of the reader: `make fuzz`, or with libFuzzer's own options.

    python -m tests.fuzz.run -max_total_time=3600 CORPUS_FOLDER tests/fuzz/corpus

With NUMBA_DISABLE_JIT=1 the kernels are Python too, so that coverage guides into
them; without, they are what users run, and quicker by far. `make fuzz` does both.
"""

import sys

import atheris
from numba import config

# numba cannot compile what has been instrumented.
KERNELS = [f"idxdata._kernels.{name}" for name in ("huffman", "inflate", "words")]
exclude = [] if config.DISABLE_JIT else KERNELS
with atheris.instrument_imports(include=["idxdata"], exclude=exclude):
    import idxdata._kernels.inflate
    import idxdata.xz
    import idxdata.zips  # noqa: F401
    from tests.fuzz.targets import check


def main() -> None:
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
