"""Settings in words, for titles."""

from __future__ import annotations

ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def every(stride: int) -> str:
    """Phrase a stride: ``every frame``, ``every 2nd frame``."""
    if stride == 1:
        return "every frame"
    ending = "th" if 10 <= stride % 100 <= 20 else ENDINGS.get(stride % 10, "th")
    return f"every {stride}{ending} frame"
