"""Settings of the network: its size, its window and the fusion of each modality."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Preset = Literal["micro", "tiny", "mini", "S", "B", "L", "XL"]


@dataclass(frozen=True)
class FusionConfig:
    """Names of the fusion schemes, as registered in ``lt_bench.models.fusion``."""

    portrait: str = "symbiotic"
    audio: str = "direct"


@dataclass(frozen=True)
class ModelConfig:
    """A LetsTalk backbone; the cache determines the shapes of latents and audio features."""

    preset: Preset = "S"
    """Preset of depth, hidden size and number of heads."""
    fusion: FusionConfig = field(default_factory=FusionConfig)
    family: Literal["softmax", "linear"] = "softmax"
    """Spatial attention and feed-forward layer. ``softmax``: softmax attention and an MLP. ``linear``: ReLU linear
    attention (32 features per head) and a gated convolution, for latents of a deep autoencoder (32 channels, patch
    1)."""
    order: Literal["factorised", "alternating"] = "factorised"
    """``factorised``: every block attends in time, then in space, as in LetsTalk. ``alternating``: blocks alternate
    between attention in space and in time, as in Latte."""
    plugins: tuple[str, ...] = ()
    """Python files, relative to the working directory, that register fusion schemes; train and ablate import them. A
    model file never imports plugins; pass them to generate with --plugin."""
    patch_size: int = 2
    """Side of a patch, in latent pixels."""
    frames: int = 16
    """Length of a window, in frames at 25 fps."""
    motion_frames: int = 2
    """Number of latents of the previous window in temporal attention; 0 for none."""
    audio_window: int = 2
    """Audio features on each side of a frame, in frames."""
    audio_tokens: int = 32
    """Audio tokens per frame."""
    audio_token_dim: int = 768
    """Features of an audio token."""
    audio_hidden: int = 512
    """Width of the audio projector."""
    learn_sigma: bool = True
    """Predict the variance too (epsilon prediction with the variational bound only)."""
