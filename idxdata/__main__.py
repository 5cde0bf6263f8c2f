"""`python -m idxdata`: see `cli`."""

import sys

from idxdata.cli import main

if __name__ == "__main__":
    sys.exit(main())
