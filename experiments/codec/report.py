"""Held-out figures of the embedded codec: fidelity, robustness to latent noise, probe readings, flicker, speed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frame_sets import FrameSet, render_frame_set
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from data_prep.synthetic.clip import SyntheticClip, make_clip
from data_prep.synthetic.dataset import speaker_seed
from data_prep.synthetic.performance import STATE
from lt_bench.evaluation.metrics.synthetic.probe import probe_frames
from lt_bench.models.codecs.autoencoder import Autoencoder
from lt_bench.models.codecs.base import frames_to_tensor, in_batches, tensor_to_frames

TEST_SPEAKERS, TEST_FRAMES = 64, 4
QUICK_SPEAKERS = 4
CLIPS, CLIP_FRAMES = 24, 75
NOISE = (0.2, 0.5)
"""Levels of latent noise, in standard deviations."""
READINGS = ("opening", "width", "rounding")
BATCH = 16


def held_out_figures(network: Autoencoder, work: Path) -> dict[str, Any]:
    """Measure a frozen network on speakers of the held-out range."""
    figures: dict[str, Any] = {"speakers": TEST_SPEAKERS, "frames_per_speaker": TEST_FRAMES, "psnr_db": {}}
    for size in (64, 128, 256):
        if size % network.config.factor == 0:
            frames = render_frame_set("codec_test", size, 0, TEST_SPEAKERS, TEST_FRAMES, work)
            figures["psnr_db"][str(size)] = _psnr_by_noise(network, frames)
    figures["probe"] = _probe_figures(network)
    figures["still_clip_flicker_ratio"] = round(_flicker_ratio(network), 4)
    return figures


def quick_figures(network: Autoencoder, size: int, work: Path) -> dict[str, float]:
    """Fidelity on a few held-out speakers, which a test measures again."""
    return _psnr_by_noise(network, render_frame_set("codec_test", size, 0, QUICK_SPEAKERS, TEST_FRAMES, work))


def _psnr_by_noise(network: Autoencoder, given: FrameSet) -> dict[str, float]:
    frames = frames_to_tensor(np.asarray(given.frames))
    latents = in_batches(network.encode, frames, BATCH)
    generator = torch.Generator().manual_seed(1)
    found = {}
    for level in (0.0, *NOISE):
        noisy = latents + level * torch.randn(latents.shape, generator=generator)
        found["clean" if not level else f"noise_{level}"] = round(mean_psnr(_decode(network, noisy), given.frames), 2)
    return found


def mean_psnr(decoded: UInt8[ndarray, "N H W 3"], frames: UInt8[ndarray, "N H W 3"]) -> float:
    """Mean over frames of the peak signal-to-noise ratio in dB, of 8-bit pictures."""
    error = ((decoded.astype(np.float64) - frames) ** 2).mean(axis=(1, 2, 3))
    return float((10 * np.log10(255**2 / error)).mean())


def _probe_figures(network: Autoencoder) -> dict[str, float]:
    """How well the probe reads decoded clips, as a share of how well it reads the originals."""
    clips = [make_clip(speaker_seed("codec_test", 1000 + i), 0, CLIP_FRAMES, 128, 0.4) for i in range(CLIPS)]
    shares: dict[str, list[float]] = {name: [] for name in READINGS}
    cosines = []
    for clip in clips:
        decoded = _decode(network, in_batches(network.encode, frames_to_tensor(clip.frames), BATCH))
        before, after = probe_frames(clip.frames), probe_frames(decoded)
        for name in READINGS:
            truth = clip.truth[:, STATE.index(name)]
            original = float(np.corrcoef(getattr(before, name), truth)[0, 1])
            shares[name].append(float(np.corrcoef(getattr(after, name), truth)[0, 1]) / original)
        cosines.append(float((before.embedding * after.embedding).sum(1).mean()))
    figures = {f"{name}_share": round(float(np.mean(values)), 4) for name, values in shares.items()}
    return {"clips": CLIPS, "frames": CLIP_FRAMES, **figures, "identity_cosine": round(float(np.mean(cosines)), 4)}


def _flicker_ratio(network: Autoencoder) -> float:
    """Temporal deviation of a decoded still picture with noise of one grey level, over that of the picture itself."""
    clip: SyntheticClip = make_clip(speaker_seed("codec_test", 2000), 0, 16, 128, 0.0)
    rng = np.random.default_rng(0)
    shaken = clip.portrait[None].astype(np.int16) + rng.integers(-1, 2, (32, *clip.portrait.shape))
    frames = frames_to_tensor(shaken.clip(0, 255).astype(np.uint8))
    decoded = in_batches(network.decode, in_batches(network.encode, frames, BATCH), BATCH)
    return float(decoded.std(dim=0).mean() / frames.std(dim=0).mean())


def _decode(network: Autoencoder, latents: Float[Tensor, "N C h w"]) -> UInt8[ndarray, "N H W 3"]:
    return tensor_to_frames(in_batches(network.decode, latents, BATCH))


@torch.inference_mode()
def frames_per_second(network: Autoencoder, size: int = 128, repeats: int = 9) -> dict[str, float]:
    """Median speed of encoding and decoding on one thread."""
    torch.set_num_threads(1)
    frames = torch.rand(BATCH, 3, size, size) * 2 - 1
    latents = network.encode(frames)
    speeds: dict[str, list[float]] = {"encode": [], "decode": []}
    for _ in range(repeats):
        for name, function, given in (("encode", network.encode, frames), ("decode", network.decode, latents)):
            started = time.process_time()
            function(given)
            speeds[name].append(BATCH / (time.process_time() - started))
    return {name: round(float(np.median(values))) for name, values in speeds.items()}
