"""The outputs of the probe; without its network, since importing torch takes seconds."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32
from numpy import ndarray

READINGS = ("opening", "width", "rounding", "blink", "yaw", "pitch", "roll")
"""The scalar outputs; mouth and blink 0..1 (width -0.5..1), angles in radians, signs as in the synthetic truth."""
EMBEDDING = 96
"""Length of the embedding of an identity."""


@dataclass(frozen=True)
class ProbeReadings:
    """What the probe reads off a video, one value a frame."""

    opening: Float32[ndarray, " N"]
    width: Float32[ndarray, " N"]
    rounding: Float32[ndarray, " N"]
    blink: Float32[ndarray, " N"]
    yaw: Float32[ndarray, " N"]
    pitch: Float32[ndarray, " N"]
    roll: Float32[ndarray, " N"]
    embedding: Float32[ndarray, "N D"]
    """Unit length."""
