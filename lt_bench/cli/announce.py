"""Warnings about scores that a result will lack, printed before the work that leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lt_bench.cli.output import stderr_console

if TYPE_CHECKING:
    from pathlib import Path

    from lt_bench.config import RunConfig


def announce_missing(config: RunConfig, real: Path) -> Mapping[str, str]:
    """Print a line for each metric of a run's protocol that cannot be computed here.

    Args:
        config: configuration of the run.
        real: folder of the reference set.

    Returns:
        The reason for each missing score.
    """
    from lt_bench.jobs.prerequisites import missing_scores

    found = missing_scores(config, real)
    tell_missing(found)
    return found


def tell_missing(found: Mapping[str, str]) -> None:
    """Print a line on stderr for each missing score."""
    console = stderr_console()
    for name, reason in found.items():
        text = f"score {name} will be missing: {reason}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
