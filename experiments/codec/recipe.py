"""Everything that decides the weights of the embedded codec, apart from the code."""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.models.codecs.ae_rendered import NETWORK
from lt_bench.models.codecs.autoencoder import AutoencoderConfig, Stage

NETWORKS = {
    "f32": NETWORK,
    "f16": AutoencoderConfig(
        channels=24, patch=4, stages=(Stage(56, 56, 1, 2), Stage(136, 104, 1, 2), Stage(208, 168, 2, 3))
    ),
}
"""Both give a frame of 128 pixels 1,536 numbers; by side, 32 or 16 pixels of a frame make one latent pixel."""


@dataclass(frozen=True)
class SizeShare:
    """Frames of one size among the training batches."""

    size: int
    """Side in pixels."""
    every: int
    """One step of this many uses this size; the first size that fits a step is taken."""
    batch: int
    weight: float = 1.0
    """Weight of the loss of these batches; faces of other sizes than 128 must not outweigh those."""


@dataclass(frozen=True)
class Recipe:
    """Data, loss and optimization of one network."""

    network: str = "f32"
    steps: int = 5_000
    speakers: int = 5_000
    """Speakers of the 128-pixel frames, eight frames each."""
    large_speakers: int = 1_000
    """Speakers of the 256-pixel frames, four frames each."""
    sizes: tuple[SizeShare, ...] = (SizeShare(256, 16, 8, 0.25), SizeShare(64, 8, 32, 0.25), SizeShare(128, 1, 32))
    """Frames of 64 pixels are those of 128 pixels, averaged."""
    rate: float = 0.02
    """Peak learning rate of Muon, for the convolutions' weights."""
    bias_rate: float = 2e-3
    """Peak learning rate of AdamW, for the rest."""
    weight_decay: float = 0.01
    warmup: int = 100
    """Steps of linear warm-up; then half a cosine to 1% of the peak."""
    latent_noise: float = 0.6
    """Each training latent gets Gaussian noise of a level uniform in [0, this), in standard deviations."""
    clean_share: float = 0.25
    """Share of the samples whose latents get no noise."""
    mouth_weight: float = 4.0
    """Weight of pixels inside the mouth box, where 1 is the rest."""
    eye_weight: float = 2.0
    """Weight of pixels around the eyes."""
    gradient_weight: float = 0.5
    """Weight of the absolute error of horizontal and vertical differences."""
    square_weight: float = 4.0
    """Weight of the squared error; the absolute error weighs 1."""
    ema: float = 0.998
    """Decay of the weight average, which is what ships; ramps up as min(ema, (1 + step) / (10 + step))."""
    seed: int = 0
