"""Array shapes for signatures (jaxtyping); the names are those of the README's glossary.

B batch, F frames, C channels, H and W height and width of a latent or an image, N tokens, D features, L layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray

if TYPE_CHECKING:
    from lt_bench.tensor_shapes import AudioWindows, Latent, Latents, Timesteps, Tokens

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


def __getattr__(name: str) -> Any:
    """Shapes of tensors are imported when asked for: torch takes seconds, and scoring from kept features needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lt_bench import tensor_shapes

    return getattr(tensor_shapes, name)
