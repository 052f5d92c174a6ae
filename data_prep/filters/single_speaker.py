"""Whether a clip shows one person from its start to its end, by dlib's face descriptor.

A dissolve between two people is no cut, and their faces may lie in one place, so that neither scenes nor tracks tell
them apart. The face is therefore looked at along the clip, and before and after each place where its track jumps.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.conventions import FPS
from lt_bench.perception.face_embedding import DlibFaceEmbedder
from lt_bench.perception.faces import FaceTrack

MIN_LOOKS, MAX_LOOKS = 3, 16
LOOK_EVERY = 4 * FPS
"""Frames between two looks along a clip."""
MAX_JUMPS = 8
"""Jumps of the track that are looked at, the largest first."""
JUMP = 0.25
"""Movement from one found face to the next, over its size, from which on it is a jump."""
NEIGHBOURS = 2
"""Frames on each side that are averaged with a look, where two looks differ too much: a blink is no other person."""


class PersonCheck:
    """Holds the network of one process."""

    def __init__(self) -> None:
        self._embedder = DlibFaceEmbedder()

    def distance(self, track: FaceTrack, picture: Callable[[int], UInt8[ndarray, "H W 3"]], limit: float) -> float:
        """The largest Euclidean distance between descriptors of two looks at a clip's face.

        Args:
            track: the clip's face.
            picture: a frame of the clip by its number.
            limit: distance beyond which looks are averaged over neighbouring frames before they are believed.
        """
        looks = places_to_look(track)
        seen = {frame: self._describe(track, picture, [frame]) for frame in looks}
        far, pair = _widest(seen)
        if far <= limit:
            return far
        found = set(np.flatnonzero(track.found).tolist())
        for frame in pair:
            around = [f for f in range(frame - NEIGHBOURS, frame + NEIGHBOURS + 1) if f in found]
            seen[frame] = self._describe(track, picture, around)
        return float(np.linalg.norm(seen[pair[0]] - seen[pair[1]]))

    def _describe(
        self, track: FaceTrack, picture: Callable[[int], UInt8[ndarray, "H W 3"]], frames: list[int]
    ) -> Float[ndarray, " 128"]:
        found = [self._embedder.embed(picture(frame), track.landmarks[frame]) for frame in frames]
        return np.mean(found, axis=0)


def places_to_look(track: FaceTrack) -> list[int]:
    """Frames with the face: evenly from first to last, and both sides of each jump of the track."""
    found = np.flatnonzero(track.found)
    count = int(np.clip(1 + len(found) // LOOK_EVERY, MIN_LOOKS, MAX_LOOKS))
    chosen = {int(found[round(place)]) for place in np.linspace(0, len(found) - 1, count)}
    landmarks = track.landmarks[found, :, :2]
    centres, sizes = landmarks.mean(axis=1), np.ptp(landmarks, axis=1).max(axis=1)
    moves = [
        (float(np.linalg.norm(centres[b] - centres[a]) / max(sizes[a], sizes[b])), int(found[a]), int(found[b]))
        for a, b in pairwise(range(len(found)))
    ]
    jumps = [move for move in moves if move[0] > JUMP or move[2] - move[1] > 1]
    for _, before, after in sorted(jumps, reverse=True)[:MAX_JUMPS]:
        chosen |= {before, after}
    return sorted(chosen)


def _widest(seen: dict[int, ndarray]) -> tuple[float, tuple[int, int]]:
    pairs = ((float(np.linalg.norm(seen[a] - seen[b])), (a, b)) for a, b in combinations(seen, 2))
    return max(pairs, default=(0.0, (0, 0)))
