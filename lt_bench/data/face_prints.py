"""Who is in each clip of a cache: dlib's descriptor of a few frames of its exported video."""

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
"""Frames looked at in each clip, evenly spread; their mean is steadier than one (see ``SAME_FACE``)."""
SAME_FACE = 0.45
"""Euclidean distance of two clips' mean descriptors below which they show one person. On grid-sample, with three
frames a clip: the one man with two clips 0.21, other pairs from 0.58 (54 pairs). dlib's author gives 0.6 for single
pictures; this is stricter, for the pairs of a large set are many."""


@dataclass(frozen=True)
class FacePrints:
    """Mean descriptors of the clips that could be looked at."""

    clips: tuple[ClipRecord, ...]
    prints: Float[ndarray, "clips 128"]
    unseen: dict[str, str]
    """Clips that could not be looked at, with the reason."""


def face_prints(cache: LatentCache, progress: Callable[[int, int], None] | None = None) -> FacePrints:
    """Embed the faces of every clip whose video is in one of the cache's real sets.

    Raises:
        AssetError: dlib's weights are not here.
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
