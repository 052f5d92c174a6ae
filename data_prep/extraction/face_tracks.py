"""Tracking of faces from frame to frame; one track is the clip's speaker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.perception.faces import Face, FaceTrack

MAX_GAP = 25
"""Frames for which a lost face goes first: one that comes back later is the same unless somebody else is there."""
REACH = 0.8
"""How far the centre of a box may jump, over the larger side of the face."""
SECOND_SIZE = 0.5
"""Height over that of the clip's face from which on another face counts."""


@dataclass(eq=False)
class Track:
    """One person's face in some of the frames."""

    faces: dict[int, Face] = field(default_factory=dict)
    """By frame."""

    @property
    def last(self) -> int:
        """The frame in which the face was seen last."""
        return next(reversed(self.faces))

    @property
    def height(self) -> float:
        """Median height of the box, in pixels."""
        return float(np.median([face.box[3] - face.box[1] for face in self.faces.values()]))

    @property
    def weight(self) -> float:
        """Height summed over frames: large faces that stay win."""
        return float(sum(face.box[3] - face.box[1] for face in self.faces.values()))

    def overlap(self, region: Float[ndarray, " 4"]) -> float:
        """Area shared with a region of the picture, summed over frames."""
        return float(sum(_shared(face.box, region) for face in self.faces.values()))

    def as_face_track(self, counts: Sequence[int]) -> FaceTrack:
        """The track over all frames, given the number of faces in each."""
        return FaceTrack.of([self.faces.get(frame) for frame in range(len(counts))], counts)


def follow(frames: Sequence[Sequence[Face]]) -> list[Track]:
    """Join detections to tracks: in each frame by the least sum of distances, none beyond ``REACH``.

    Args:
        frames: the faces found in each frame of one scene.
    """
    tracks: list[Track] = []
    for number, faces in enumerate(frames):
        live = [track for track in tracks if number - track.last - 1 <= MAX_GAP]
        taken = _match(live, faces)
        lost = [track for track in tracks if track not in live]
        taken |= _match(lost, faces, [index for index in range(len(faces)) if index not in taken])
        for index, face in enumerate(faces):
            track = taken.get(index)
            if track is None:
                tracks.append(track := Track())
            track.faces[number] = face
    return tracks


def speaker(tracks: Sequence[Track], region: Float[ndarray, " 4"] | None = None) -> Track | None:
    """The clip's face: the one that is largest for longest, or that fills ``region`` (x0, y0, x1, y1) most."""
    if region is not None:
        tracks = [track for track in tracks if track.overlap(region) > 0]
        return max(tracks, key=lambda track: track.overlap(region), default=None)
    return max(tracks, key=lambda track: track.weight, default=None)


def second_face_share(tracks: Sequence[Track], chosen: Track, frames: int) -> float:
    """Share of the frames in which somebody else's face is at least half as high as the clip's."""
    least = SECOND_SIZE * chosen.height
    seen = {
        number
        for track in tracks
        if track is not chosen
        for number, face in track.faces.items()
        if face.box[3] - face.box[1] >= least
    }
    return len(seen) / frames


def _match(tracks: Sequence[Track], faces: Sequence[Face], among: Sequence[int] | None = None) -> dict[int, Track]:
    """The tracks that faces belong to, by the faces' places; only of those ``among`` them."""
    places = range(len(faces)) if among is None else among
    if not tracks or not places:
        return {}
    from scipy.optimize import linear_sum_assignment  # half a second, and a finished cache has no use for it

    jumps = np.array([[_jump(track.faces[track.last], faces[place]) for place in places] for track in tracks])
    rows, columns = linear_sum_assignment(np.minimum(jumps, 10 * REACH))
    return {places[c]: tracks[r] for r, c in zip(rows, columns, strict=True) if jumps[r, c] <= REACH}


def _jump(before: Face, after: Face) -> float:
    size = max((before.box[2:] - before.box[:2]).max(), (after.box[2:] - after.box[:2]).max())
    return float(np.linalg.norm((before.box[:2] + before.box[2:] - after.box[:2] - after.box[2:]) / 2) / size)


def _shared(a: ndarray, b: ndarray) -> float:
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    return float(np.prod(np.clip(sides, 0, None)))
