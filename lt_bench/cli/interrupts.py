"""How a command that is told to stop ends: what it holds is let go, and its last words are what to type to go on."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

GO_ON = ("prepare", "train", "ablate", "search", "evaluate", "sensitivity")
"""Verbs that keep what they have done when they are stopped."""


def typed(arguments: Sequence[str]) -> str:
    """The command, verb and all, as a shell takes it."""
    return shlex.join(["lt-bench", *arguments])


def farewell(verb: str, arguments: Sequence[str]) -> str:
    """What a command that was interrupted says: two lines, of which the second can be typed."""
    then = "goes on where it stopped" if verb in GO_ON else "does it from the start"
    return f"lt-bench {verb}: interrupted; the same command {then}:\n{typed(arguments)}"
