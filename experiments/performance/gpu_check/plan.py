"""Sizes of everything that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from lt_bench.config import RunConfig, parse_config


@dataclass(frozen=True)
class Plan:
    """Measurements to take, and the device to take them on."""

    device: str
    """``cuda`` or ``cpu``."""
    peak_tflops: float
    """The rate that model FLOPs utilization is a share of."""
    presets: tuple[str, ...]
    """Whose training steps are timed; the first is profiled, trained and generated with."""
    windows: int
    """Of a training step; fewer where memory is too small."""
    rounds: int
    """Timed steps."""
    train_steps: int
    """Of a whole training, logged every ``log_every``, three times in all."""
    log_every: int
    frames: int
    latent: tuple[int, int, int]
    speech: tuple[int, int]
    """Layers and features."""
    parity_latent: tuple[int, int, int]
    """Smaller, for the CPU computes it too."""
    product: int
    """Side of the matrices whose product is timed."""
    clips: int
    """Generated side by side."""
    sampling_steps: int
    pixels: int
    """Side of a frame that the codec encodes."""
    codec_frames: int
    codec_widths: tuple[int, ...]
    """Channels of the codec's levels; SD-VAE's are 128, 256, 512, 512."""

    def run_config(self, preset: str, **train: Any) -> RunConfig:
        """A training configuration; keyword arguments are keys of ``train``."""
        model = {"preset": preset, "frames": self.frames, "learn_sigma": False}
        diffusion = {"schedule": "flow", "prediction": "velocity"}
        sampling = {"sampler": "flow_euler", "steps": self.sampling_steps, "audio_scale": 2.0}
        accelerator = "gpu" if self.device == "cuda" else "cpu"
        settings = {"precision": "bf16", "compile": False, "learning_rate": 1e-3, "accelerator": accelerator, **train}
        document = {"model": model, "diffusion": diffusion, "sampling": sampling, "train": settings}
        return parse_config(RunConfig, document, "gpu_check")


FULL = partial(
    Plan,
    presets=("S", "B", "XL"),
    windows=8,
    rounds=20,
    train_steps=60,
    log_every=20,
    frames=16,
    latent=(4, 32, 32),
    speech=(12, 768),
    parity_latent=(4, 16, 16),
    product=8192,
    clips=8,
    sampling_steps=10,
    pixels=256,
    codec_frames=32,
    codec_widths=(128, 256, 512, 512),
)
SMALL = partial(
    Plan,
    presets=("micro",),
    windows=2,
    rounds=2,
    train_steps=9,
    log_every=3,
    frames=3,
    latent=(4, 8, 8),
    speech=(1, 6),
    parity_latent=(4, 4, 4),
    product=64,
    clips=2,
    sampling_steps=2,
    pixels=32,
    codec_frames=4,
    codec_widths=(32, 32),
)
