"""Tensors of one clip, with checks and an atomic writer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lt_bench.conventions import Split
from lt_bench.data.format import CacheInfo, ClipQuality, ClipRecord, Role, check_id, clip_file
from lt_bench.data.tensor_file import write_tensors
from lt_bench.errors import CacheError
from lt_bench.files import sha256_file

TRUTH_STATES = 12
LANDMARKS = {"mediapipe478": 478, "synthetic": None}
"""Points per frame of each landmark set; None if the renderer decides."""


@dataclass(frozen=True)
class PreparedClip:
    """One clip, ready to be written.

    Positions are fractions of the square crop: 0 is its left or top border, 1 its right or bottom border.
    """

    id: str
    identity: str
    split: Split
    role: Role
    source: str
    crop: tuple[float, float, float, float] | None
    quality: ClipQuality
    latents: Float[ndarray, "F C H W"]
    """Raw (unscaled) latents; stored as float16."""
    audio: Float[ndarray, "F L D"]
    """Audio features at 25 Hz; stored as float16."""
    landmarks: Float[ndarray, "F K 2"]
    """Landmarks; NaN in frames without a face."""
    mouth_box: Float[ndarray, "F 4"]
    """x0, y0, x1, y1; NaN in frames without a face."""
    portrait: Float[ndarray, "C H W"]
    """Raw latent of the clip's portrait picture."""
    truth: Float[ndarray, "F 12"] | None = None
    """Exact state of the synthetic speaker."""
    roll: float = 0.0
    """Clockwise rotation of the crop about its center, in degrees."""


@dataclass(frozen=True)
class ClipWindow:
    """Consecutive frames of one clip, as float32 tensors with scaled latents."""

    latents: Float[Tensor, "F C H W"]
    audio: Float[Tensor, "F L D"]
    landmarks: Float[Tensor, "F K 2"]
    mouth_box: Float[Tensor, "F 4"]
    truth: Float[Tensor, "F 12"] | None


def clip_tensors(clip: PreparedClip, info: CacheInfo) -> dict[str, ndarray]:
    """Return the named arrays of a clip's file, in their stored types.

    Raises:
        CacheError: a shape does not fit the cache, or a value is not finite (in float16, for latents and audio).
    """
    tensors = {
        "latents": _half(clip, "latents"),
        "audio": _half(clip, "audio"),
        "portrait": _half(clip, "portrait"),
        "landmarks": np.ascontiguousarray(clip.landmarks, np.float32),
        "mouth_box": np.ascontiguousarray(clip.mouth_box, np.float32),
    }
    if clip.truth is not None:
        tensors["truth"] = np.ascontiguousarray(clip.truth, np.float32)
    problem = shape_problem({name: t.shape for name, t in tensors.items()}, info, len(clip.latents))
    if problem:
        raise CacheError(f"clip {clip.id}: {problem}")
    return tensors


def _half(clip: PreparedClip, name: str) -> ndarray:
    with np.errstate(over="ignore"):  # the check below names what overflowed
        half = np.ascontiguousarray(getattr(clip, name), np.float16)
    if not all(np.isfinite(part).all() for part in half):  # by frame: no mask as long as the clip
        raise CacheError(f"clip {clip.id}: {name}: expected finite numbers within float16, got others")
    return half


def shape_problem(shapes: dict[str, tuple[int, ...]], info: CacheInfo, frames: int) -> str | None:
    """Describe the first problem in the named shapes of a clip of ``frames`` frames; None if there is none."""
    expected = {
        "latents": (frames, *info.latent_shape),
        "audio": (frames, info.speech.layers, info.speech.dim),
        "landmarks": (frames, LANDMARKS[info.landmark_set] or "any", 2),
        "mouth_box": (frames, 4),
        "portrait": info.latent_shape,
    }
    if info.landmark_set == "synthetic":
        expected["truth"] = (frames, TRUTH_STATES)
    if frames < 1:
        return "frames: expected at least 1, got 0"
    if shapes.keys() != expected.keys():
        return f"tensors: expected {', '.join(sorted(expected))}, got {', '.join(sorted(shapes)) or 'none'}"
    for name, shape in expected.items():
        found = tuple(shapes[name])
        if len(found) != len(shape) or any(e not in (f, "any") for e, f in zip(shape, found, strict=True)):
            return f"{name}: expected shape {list(shape)}, got {list(found)}"
    return None


def write_clip(cache: str | os.PathLike[str], clip: PreparedClip, info: CacheInfo) -> ClipRecord:
    """Write a clip's file atomically and return its row, which ``CacheWriter.commit`` adds to the index.

    Several processes can call this function at the same time for different clips.

    Raises:
        CacheError: the clip does not fit the cache.
        LtBenchError: the file cannot be written.
    """
    path = Path(cache) / clip_file(check_id(clip.id))
    tensors = clip_tensors(clip, info)
    write_tensors(path, tensors)
    return ClipRecord(
        id=clip.id,
        identity=clip.identity,
        split=clip.split,
        role=clip.role,
        frames=len(clip.latents),
        source=clip.source,
        crop=clip.crop,
        quality=clip.quality,
        file=clip_file(clip.id),
        sha256=sha256_file(path),
        bytes=path.stat().st_size,
        roll=clip.roll,
    )
