"""Settings of the network: its size, its window and the fusion of each modality."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Preset = Literal["micro", "tiny", "mini", "S", "B", "L", "XL"]


@dataclass(frozen=True)
class FusionConfig:
    """Names of the fusion schemes, as registered in ``lt_bench.models.fusion``, or by a plugin."""

    portrait: str = "symbiotic"
    audio: str = "direct"


@dataclass(frozen=True)
class ModelConfig:
    """A LetsTalk backbone; the cache determines the shapes of latents and audio features."""

    preset: Preset = "S"
    """Preset of depth, hidden size and number of heads."""
    fusion: FusionConfig = field(default_factory=FusionConfig)
    family: str = "softmax"
    """Attention in space and feed-forward: ``softmax`` and an MLP, or ``linear`` (ReLU linear attention, 32 features a
    head) and a gated convolution, meant for latents of a deep autoencoder (32 channels, patch 1);
    or a plugin's."""
    order: str = "factorised"
    """``factorised``: every block attends in time, then in space, as LetsTalk's. ``alternating``: every other block in
    space, the ones between in time, as Latte's. Or a plugin's."""
    plugins: tuple[str, ...] = ()
    """Python files, relative to the working directory, that register plugin classes: fusions, codecs, samplers,
    metrics and so on. train, ablate and search import them. A model file never does: generate takes them as
    --plugin."""
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
