"""A latent cache of random numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from plan import Plan

from lt_bench.data.cache import LatentCache
from lt_bench.data.clip_tensors import PreparedClip
from lt_bench.data.format import CacheInfo, ClipQuality, CodecInfo, SpeechInfo
from lt_bench.data.writer import CacheWriter

CLIPS = 4


def make_cache(folder: Path, plan: Plan) -> LatentCache:
    """Write a cache of a few clips, each of four windows' length."""
    channels, height, _ = plan.latent
    codec = CodecInfo("made_up", "0" * 64, channels, 8, (0.0,) * channels, (1.0,) * channels)
    speech = SpeechInfo("made_up", "0" * 64, *plan.speech)
    info = CacheInfo("synthetic", codec, speech, 8 * height, plan.latent, "synthetic", "0" * 64)
    with CacheWriter(folder, info) as writer:
        for number in range(CLIPS):
            writer.add(_clip(number, plan))
        writer.finish()
    return LatentCache.open(folder)


def _clip(number: int, plan: Plan) -> PreparedClip:
    random, frames = np.random.default_rng(number), 4 * plan.frames
    latents = random.normal(size=(frames, *plan.latent)).astype(np.float32)
    return PreparedClip(
        id=f"clip{number}",
        identity=f"who{number}",
        split="validation" if number == CLIPS - 1 else "train",
        role="clip",
        source="made up",
        crop=None,
        quality=ClipQuality(1.0, 20.0, 30.0, 120.0, None),
        latents=latents,
        audio=random.normal(size=(frames, *plan.speech)).astype(np.float32),
        landmarks=random.random((frames, 7, 2)).astype(np.float32),
        mouth_box=np.tile(np.float32([0.25, 0.75, 0.75, 1.0]), (frames, 1)),
        portrait=latents[0],
        truth=np.zeros((frames, 12), np.float32),
    )
