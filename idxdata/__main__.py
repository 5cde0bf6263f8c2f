"""`python -m idxdata`: see `cli`."""
# For argcomplete's completion of all commands: PYTHON_ARGCOMPLETE_OK

import sys

from idxdata.cli import main

if __name__ == "__main__":
    sys.exit(main())
