"""`python -m brinkmap` is the command `brinkmap`."""

import sys

from brinkmap.cli import main

if __name__ == "__main__":
    sys.exit(main())
