"""``python -m lt_bench`` is the command ``lt-bench``."""

import sys

from lt_bench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
