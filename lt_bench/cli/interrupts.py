"""Messages of an interrupted command."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

GO_ON = ("prepare", "train", "ablate", "search", "evaluate", "sensitivity")
"""Verbs that resume after an interruption."""


def typed(arguments: Sequence[str]) -> str:
    """Return the command as a shell takes it."""
    return shlex.join(["lt-bench", *arguments])


def farewell(verb: str, arguments: Sequence[str]) -> str:
    """Return the two lines that an interrupted command prints; the second is the command to rerun."""
    then = "goes on where it stopped" if verb in GO_ON else "does it from the start"
    return f"lt-bench {verb}: interrupted; the same command {then}:\n{typed(arguments)}"
