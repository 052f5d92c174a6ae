"""Array shapes for signatures (jaxtyping); the names are those of the README's glossary.

B batch, F frames, C channels, H and W height and width of a latent or an image, N tokens, D features, L layers.
"""

from __future__ import annotations

from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray
from torch import Tensor

Latents = Float[Tensor, "B F C H W"]
"""A window of scaled latents."""
Latent = Float[Tensor, "B C H W"]
"""One scaled latent, such as that of the reference frame."""
AudioWindows = Float[Tensor, "B F window L D"]
"""Speech features around each frame."""
Tokens = Float[Tensor, "B N D"]
Timesteps = Float[Tensor, "B"] | Int[Tensor, "B"]
"""Larger is noisier."""
Frames = UInt8[ndarray, "F H W 3"]
"""RGB video, 0..255."""
Waveform = Float[ndarray, "samples"]
"""Mono sound in [-1, 1]."""
SpeechFeatures = Float[ndarray, "F L D"]
"""Speech features at 25 Hz: frames, layers, features."""

__all__ = [
    "AudioWindows",
    "Bool",
    "Float",
    "Frames",
    "Int",
    "Latent",
    "Latents",
    "SpeechFeatures",
    "Timesteps",
    "Tokens",
    "UInt8",
    "Waveform",
]
