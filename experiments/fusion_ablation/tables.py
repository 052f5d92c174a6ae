"""CSV tables of the study, and their conversion to Markdown."""

from __future__ import annotations

import csv
from pathlib import Path

Row = dict[str, str]


def table(path: Path) -> list[Row]:
    """Read the rows of a CSV file; an absent file has none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def flat(path: Path) -> str:
    """Convert a CSV file to a Markdown table."""
    rows = table(path)
    lines = ["| " + " | ".join(rows[0]) + " |", "|---" * len(rows[0]) + "|"]
    lines += ["| " + " | ".join(map(_rounded, row.values())) + " |" for row in rows]
    return "\n".join(lines)


def _rounded(text: str) -> str:
    try:
        return f"{float(text):.3f}" if "." in text else text
    except ValueError:
        return text
