"""A toy cache without any codec or encoder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from lt_bench.data.clip_tensors import PreparedClip
from lt_bench.data.format import CacheInfo, ClipQuality, CodecInfo, SpeechInfo

INFO = CacheInfo(
    dataset="synthetic",
    codec=CodecInfo("toy", "c0ffee" * 8, 3, 8, (1.0, 2.0, 3.0), (0.5, 1.0, 2.0)),
    speech=SpeechInfo("toy", "beef" * 10, 2, 5),
    resolution=32,
    latent_shape=(3, 4, 4),
    landmark_set="synthetic",
    source_hash="00",
    settings={"synthetic": {"train_speakers": 4}},
)
QUALITY = ClipQuality(1.0, 20.0, 30.0, 120.0, None)


def _make_clip(name: str, frames: int = 20, split: str = "train", seed: int = 0, **changes: object) -> PreparedClip:
    rng = np.random.default_rng([seed, frames])
    box = np.tile(np.float32([0.3, 0.6, 0.7, 0.8]), (frames, 1))
    clip = PreparedClip(
        id=name,
        identity=f"who-{name}",
        split=split,  # type: ignore[arg-type]
        role="clip",
        source="toy",
        crop=None,
        quality=QUALITY,
        latents=rng.normal(size=(frames, 3, 4, 4)).astype(np.float32),
        audio=np.arange(frames, dtype=np.float32)[:, None, None] * np.ones((1, 2, 5), np.float32),
        landmarks=rng.random((frames, 7, 2)).astype(np.float32),
        mouth_box=box,
        portrait=rng.normal(size=(3, 4, 4)).astype(np.float32),
        truth=rng.normal(size=(frames, 12)).astype(np.float32),
    )
    return dataclasses.replace(clip, **changes)


@pytest.fixture
def info() -> CacheInfo:
    return INFO


@pytest.fixture
def make_clip() -> Callable[..., PreparedClip]:
    return _make_clip
