"""The list of CelebV-HQ (Zhu et al., ECCV 2022), ``celebvhq_info.json``: 35,666 clips of celebrities on YouTube."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from lt_bench.errors import MediaError
from lt_bench.files import read_json

MAX_BYTES = 128_000_000
"""Of the list; the official one has less than half of it."""
MAX_SECONDS = 1e6
_YOUTUBE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class CelebvClip:
    """A clip of the list."""

    name: str
    youtube: str
    """Id of its source video."""
    start: float
    """Seconds."""
    stop: float
    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 of the speaker, as fractions of the picture."""


@dataclass(frozen=True)
class CelebvList:
    """The content of the list."""

    clips: tuple[CelebvClip, ...]
    bad: tuple[tuple[str, str], ...]
    """Name and reason of each entry that cannot be used."""


def read_celebv_hq(path: str | os.PathLike[str]) -> CelebvList:
    """Read ``celebvhq_info.json``.

    Raises:
        LtBenchError: it is missing or no JSON.
        MediaError: it is not of this form.
    """
    document = read_json(path, MAX_BYTES)
    entries = document.get("clips") if isinstance(document, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise MediaError(
            f"{path}: expected CelebV-HQ's list (a key 'clips' with the clips by name), got another document"
        )
    clips, bad = [], []
    for name, entry in sorted(entries.items()):
        try:
            clips.append(_clip(name, entry))
        except (KeyError, TypeError, ValueError) as error:
            text = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
            bad.append((name, text))
    return CelebvList(tuple(clips), tuple(bad))


def _clip(name: str, entry: dict[str, Any]) -> CelebvClip:
    start, stop = (float(entry["duration"][key]) for key in ("start_sec", "end_sec"))
    if not 0 <= start < stop < MAX_SECONDS:
        raise ValueError(f"expected a time that ends after it starts, got {start:g}..{stop:g} s")
    box = tuple(float(entry["bbox"][key]) for key in ("left", "top", "right", "bottom"))
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise ValueError(f"expected a box in fractions of the picture, got {box}")
    # It becomes a file's name and an address, so it is never taken on trust.
    if not isinstance(entry["ytb_id"], str) or not _YOUTUBE.fullmatch(entry["ytb_id"]):
        raise ValueError(f"expected a YouTube id, got {str(entry['ytb_id'])[:40]!r}")
    return CelebvClip(name, entry["ytb_id"], start, stop, (x0, y0, x1, y1))
