"""Plain names of clips."""

from __future__ import annotations

import re


def unique_ids(names: list[str]) -> list[str]:
    """Plain file stems for the given names: other characters become ``_``, repeats get ``-2``, ``-3`` and so on."""
    taken: set[str] = set()
    ids = []
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip("._-")[:120] or "clip"
        if re.search(r"\.s\d+$", stem):  # reserved for the scenes of a video
            stem += "_"
        clip_id, number = stem, 1
        while clip_id.lower() in taken:  # file systems that ignore case must keep them apart too
            number += 1
            clip_id = f"{stem}-{number}"
        taken.add(clip_id.lower())
        ids.append(clip_id)
    return ids
