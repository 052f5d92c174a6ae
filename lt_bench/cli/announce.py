"""What will be missing from a result, said before the work that leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lt_bench.cli.output import stderr_console

if TYPE_CHECKING:
    from pathlib import Path

    from lt_bench.config import RunConfig


def announce_missing(config: RunConfig, real: Path) -> Mapping[str, str]:
    """Print a line for each score that a run's protocol asks for and that cannot be computed here.

    Args:
        config: of the run.
        real: folder of the real set.

    Returns:
        The reasons by score.
    """
    from lt_bench.jobs.prerequisites import missing_scores

    found = missing_scores(config, real)
    tell_missing(found)
    return found


def tell_missing(found: Mapping[str, str]) -> None:
    """Print a line for each score, on stderr."""
    console = stderr_console()
    for name, reason in found.items():
        text = f"score {name} will be missing: {reason}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
