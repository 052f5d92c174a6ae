"""Output shared by all verbs: one JSON document or a table on stdout; progress and remarks on stderr."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from lt_bench.progress import ProgressLines


def add_json_flag(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False), file=sys.stdout)


def stderr_console() -> Console:
    """Return a console for remarks and progress."""
    from lt_bench import progress

    return progress.stderr_console()


def progress_bar() -> ProgressLines:
    """Return a progress bar on stderr with elapsed and remaining time."""
    from lt_bench.progress import ProgressLines

    return ProgressLines()
