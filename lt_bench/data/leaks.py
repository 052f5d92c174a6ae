"""Leaks between the splits of a cache: the same identity, source video, clip or face in two splits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.data.cache import LatentCache
from lt_bench.data.face_prints import SAME_FACE, FacePrints
from lt_bench.data.format import ClipRecord

BLOCK = 1024
_PART = re.compile(r" [\d.:]+-[\d.:]+ s$")


@dataclass(frozen=True)
class Shared:
    """A feature that several clips share."""

    kind: Literal["identity", "source video", "content", "face"]
    what: str
    """The identity, the source, the hash, or the names of the identities with the same face."""
    splits: tuple[str, ...]
    clips: tuple[str, ...]
    """Ids of the clips, sorted."""
    distance: float | None = None
    """Smallest distance between two identities with the same face."""

    @property
    def leaks(self) -> bool:
        """Return whether the clips are in different splits."""
        return len(self.splits) > 1


def shared_by_name(cache: LatentCache) -> list[Shared]:
    """Find identities, source videos and complete clips in more than one split."""
    keys: dict[str, Callable[[ClipRecord], str]] = {
        "identity": lambda r: r.identity,
        "source video": lambda r: source_video(r.source),
        "content": lambda r: r.sha256,
    }
    found = []
    for kind, key in keys.items():
        groups: dict[str, list[ClipRecord]] = {}
        for record in cache.records():
            groups.setdefault(key(record), []).append(record)
        found += [_shared(kind, what, clips) for what, clips in sorted(groups.items())]
    return [shared for shared in found if shared.leaks]


def shared_faces(found: FacePrints, distance: float = SAME_FACE) -> list[Shared]:
    """Find faces with two or more names, in one split or in several.

    Two clips of different identities with a distance below ``distance`` merge their identities to one face.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = sorted({clip.identity for clip in found.clips})
    number = {name: index for index, name in enumerate(names)}
    who = np.array([number[clip.identity] for clip in found.clips], np.int64)
    pairs = list(near_pairs(found.prints, who, distance))
    if not pairs:
        return []
    first, second, apart = (np.array(column) for column in zip(*pairs, strict=True))
    links = coo_array((np.ones(len(pairs)), (who[first], who[second])), shape=(len(names), len(names)))
    label = connected_components(links, directed=False)[1]
    faces = []
    for face in np.unique(label[who[first]]):
        clips = [clip for clip, person in zip(found.clips, who, strict=True) if label[person] == face]
        least = float(apart[label[who[first]] == face].min())
        faces.append(_shared("face", " = ".join(sorted({c.identity for c in clips})), clips, round(least, 3)))
    return faces


def near_pairs(prints: Float[ndarray, "clips D"], who: ndarray, distance: float) -> Iterator[tuple[int, int, float]]:
    """Yield pairs of clips of different people below a distance; memory is linear in the number of clips."""
    points = prints.astype(np.float64)
    squares = (points**2).sum(axis=1)
    for begin in range(0, len(points), BLOCK):
        block = slice(begin, begin + BLOCK)
        apart = np.sqrt(np.maximum(squares[block, None] + squares - 2 * points[block] @ points.T, 0))
        near = (apart < distance) & (who[block, None] < who)
        for row, column in np.argwhere(near):
            yield int(begin + row), int(column), float(apart[row, column])


def source_video(source: str) -> str:
    """Return the video that contains a clip's source: ``WDA/JohnLewis0`` for ``WDA/JohnLewis0 5-35 s``."""
    return _PART.sub("", source)


def _shared(kind: str, what: str, clips: Iterable[ClipRecord], distance: float | None = None) -> Shared:
    ordered = sorted(clips, key=lambda clip: clip.id)
    splits = tuple(sorted({clip.split for clip in ordered}))
    return Shared(kind, what, splits, tuple(clip.id for clip in ordered), distance)  # type: ignore[arg-type]
