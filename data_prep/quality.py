"""Quality numbers of a prepared clip."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8
from numpy import ndarray

from lt_bench.data.format import ClipQuality
from lt_bench.shapes import Waveform

SILENCE = 1e-4
"""RMS amplitude (-80 dB of full scale) below which sound counts as silence."""


class PictureQuality:
    """Sharpness and luma, gathered frame by frame."""

    def __init__(self) -> None:
        self._sharpness: list[float] = []
        self._luma: list[float] = []

    def add(self, frames: Iterable[UInt8[ndarray, "H W 3"]]) -> None:
        """Measure some frames."""
        for frame in frames:
            luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            self._sharpness.append(float(cv2.Laplacian(luma, cv2.CV_64F).var()))
            self._luma.append(float(luma.mean()))

    @property
    def sharpness(self) -> float:
        """Median over frames of the variance of the Laplacian of the luma (0..255)."""
        return float(np.median(self._sharpness))

    @property
    def luma(self) -> float:
        """Mean luma, 0..255."""
        return float(np.mean(self._luma))


def loudness_db(audio: Waveform) -> float | None:
    """RMS level in dB of full scale; None for silence (below -80 dB)."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return 20 * float(np.log10(rms)) if rms >= SILENCE else None


def clip_quality(
    picture: PictureQuality,
    audio: Waveform,
    landmarks: Float[ndarray, "F K 2"],
    source_pixels: int,
    counts: Int[ndarray, " F"],
) -> ClipQuality:
    """The numbers of a clip.

    Args:
        picture: of the prepared frames.
        audio: mono in [-1, 1].
        landmarks: fractions of the crop, NaN in frames without a face.
        source_pixels: side of the crop in pixels of the source.
        counts: faces in each frame.
    """
    found = np.isfinite(landmarks).all(axis=(1, 2))
    heights = np.ptp(landmarks[found][..., 1], axis=1) * source_pixels
    return ClipQuality(
        face_share=round(float(found.mean()), 6),
        several_faces=round(float((counts > 1).mean()), 6),
        face_size=round(float(np.median(heights)), 3),
        sharpness=round(picture.sharpness, 3),
        luma=round(picture.luma, 3),
        loudness_db=None if (level := loudness_db(audio)) is None else round(level, 3),
    )
