"""`python -m minitorch`: see `minitorch.cli`."""

import sys

from minitorch.cli import main

if __name__ == "__main__":
    sys.exit(main())
