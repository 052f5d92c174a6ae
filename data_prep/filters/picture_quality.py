"""Quality numbers of a prepared clip."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from data_prep.extraction.raw_clip import Material
from data_prep.rules import RejectionError
from lt_bench.config.data import QualityConfig
from lt_bench.data.format import ClipQuality
from lt_bench.shapes import Waveform

SHARPNESS_SIDE = 128
"""Pixels of the square at which sharpness is measured, whatever the resolution of the cache: the variance of the
Laplacian of one and the same clip is eighty times as large at 64 pixels as at 512."""
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
            _, deviation = cv2.meanStdDev(cv2.Laplacian(_sized(luma), cv2.CV_16S))  # whole numbers within +-1,020
            self._sharpness.append(deviation.item() ** 2)
            self._luma.append(cv2.mean(luma)[0])

    @property
    def sharpness(self) -> float:
        """Median over frames of the variance of the Laplacian of the luma (0..255) at ``SHARPNESS_SIDE``."""
        return float(np.median(self._sharpness))

    @property
    def luma(self) -> float:
        """Mean luma, 0..255."""
        return float(np.mean(self._luma))


def _sized(luma: UInt8[ndarray, "R R"]) -> UInt8[ndarray, "side side"]:
    if len(luma) == SHARPNESS_SIDE:
        return luma
    method = cv2.INTER_AREA if len(luma) > SHARPNESS_SIDE else cv2.INTER_CUBIC
    return cv2.resize(luma, (SHARPNESS_SIDE, SHARPNESS_SIDE), interpolation=method)


def loudness_db(audio: Waveform) -> float | None:
    """RMS level in dB of full scale; None for silence (below -80 dB)."""
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return 20 * float(np.log10(rms)) if rms >= SILENCE else None


def check_picture(picture: PictureQuality, quality: QualityConfig) -> None:
    """Refuse a clip by its prepared frames.

    Raises:
        RejectionError: they are blurred or too dark.
    """
    if picture.luma < quality.min_luma:
        text = f"expected a mean luma of at least {quality.min_luma:g}, got {picture.luma:.0f}"
        raise RejectionError("dark", text, picture.luma, quality.min_luma)
    if picture.sharpness < quality.min_sharpness:
        text = f"expected a sharpness of at least {quality.min_sharpness:g}, got {picture.sharpness:.1f}"
        raise RejectionError("blur", text, picture.sharpness, quality.min_sharpness)


def clip_quality(picture: PictureQuality, material: Material) -> ClipQuality:
    """The numbers of a clip, given those of its prepared frames."""
    found = np.isfinite(material.landmarks).all(axis=(1, 2))
    heights = np.ptp(material.landmarks[found][..., 1], axis=1) * material.source_pixels
    level, sync = loudness_db(material.audio), material.sync
    return ClipQuality(
        face_share=round(float(found.mean()), 6),
        several_faces=round(float((material.counts > 1).mean()), 6),
        invented=round(material.invented, 6),
        face_size=round(float(np.median(heights)), 3),
        sharpness=round(picture.sharpness, 3),
        luma=round(picture.luma, 3),
        loudness_db=None if level is None else round(level, 3),
        speech_share=None if material.speech_share is None else round(material.speech_share, 6),
        offset=None if sync is None else sync.offset,
        sync_score=None if sync is None else round(sync.score, 4),
    )
