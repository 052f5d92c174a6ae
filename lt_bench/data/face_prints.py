"""Identities of the clips of a cache: dlib's descriptor of a few frames of each exported video."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.data.cache import LatentCache
from lt_bench.data.format import ClipRecord
from lt_bench.data.real_set import RealClip, read_real_set
from lt_bench.media.video import iter_frames
from lt_bench.perception.face_embedding import DlibFaceEmbedder

LOOKS = 3
"""Evenly spaced frames sampled in each clip; their mean is more stable than one frame (see ``SAME_FACE``)."""
SAME_FACE = 0.45
"""Euclidean distance of the mean descriptors of two clips below which they show one person.

On grid-sample, with three frames per clip, the two clips of one man measure 0.21, and other pairs measure 0.58 or more
(54 pairs). dlib's author recommends 0.6 for single pictures. This limit is stricter, because a large set has many
pairs.
"""


@dataclass(frozen=True)
class FacePrints:
    """Mean descriptors of the clips whose face was found."""

    clips: tuple[ClipRecord, ...]
    prints: Float[ndarray, "clips 128"]
    unseen: dict[str, str]
    """Clips without a descriptor, with the reason."""


def face_prints(cache: LatentCache, progress: Callable[[int, int], None] | None = None) -> FacePrints:
    """Compute the face descriptors of every clip whose video is in one of the cache's real sets.

    Raises:
        AssetError: dlib's weights are missing.
        CacheError, MediaError: a real set or video is damaged.
    """
    embedder, videos = DlibFaceEmbedder(), _videos(cache)
    seen, prints, unseen = [], [], {}
    records = cache.records()
    for done, record in enumerate(records, 1):
        found = _print_of(cache, record, videos.get(record.id), embedder)
        if isinstance(found, str):
            unseen[record.id] = found
        else:
            seen.append(record)
            prints.append(found)
        if progress:
            progress(done, len(records))
    return FacePrints(tuple(seen), np.stack(prints) if prints else np.zeros((0, embedder.dim), np.float32), unseen)


def _videos(cache: LatentCache) -> dict[str, tuple[RealClip, str]]:
    found = {}
    for manifest in sorted(cache.path.glob("real/*/manifest.json")):
        real = read_real_set(manifest.parent)
        found |= {clip.id: (clip, str(manifest.parent / clip.video)) for clip in real.clips}
    return found


def _print_of(
    cache: LatentCache, record: ClipRecord, video: tuple[RealClip, str] | None, embedder: DlibFaceEmbedder
) -> ndarray | str:
    if video is None:
        return "its video was not exported"
    landmarks = cache.file(record).whole("landmarks").numpy()
    faces = np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2)))
    if not len(faces):
        return "no face in any frame"
    chosen = {int(faces[round(at * (len(faces) - 1))]) for at in np.linspace(0, 1, LOOKS + 2)[1:-1]}
    found = []
    with closing(iter_frames(video[1])) as frames:
        for index, frame in enumerate(frames):
            if index in chosen:
                found.append(embedder.embed(frame, landmarks[index] * np.float32(frame.shape[0])))
            if index >= max(chosen):
                break
    return np.mean(found, axis=0)
