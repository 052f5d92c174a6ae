"""Damage as generated, compressed video has it: softness, block transforms, noise, exposure."""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from numpy import ndarray
from scipy.fft import dctn, idctn

Frame = UInt8[ndarray, "H W 3"]
_DIAGONAL = np.add.outer(np.arange(8), np.arange(8))


def blur(frame: Frame, sigma: float) -> Frame:
    """Gaussian blur; ``sigma`` in pixels."""
    return cv2.GaussianBlur(frame, (0, 0), sigma)


def jpeg(frame: Frame, quality: int) -> Frame:
    """A round trip through JPEG."""
    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def block_dct(frame: Frame, luma: int, chroma: int, noise: float, rng: np.random.Generator) -> Frame:
    """Keep the diagonals below ``luma`` and ``chroma`` of each 8 x 8 block's DCT, and add noise to them.

    ``noise`` is relative to each coefficient's deviation over the frame.
    """
    ycc = cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    height, width = frame.shape[0] // 8, frame.shape[1] // 8
    blocks = ycc.reshape(height, 8, width, 8, 3)
    coefficients = np.asarray(dctn(blocks, axes=(1, 3), norm="ortho"), np.float32)
    coefficients += noise * coefficients.std((0, 2), keepdims=True) * _normal(rng, coefficients.shape)
    for channel, kept in enumerate((luma, chroma, chroma)):
        coefficients[..., channel] *= (kept > _DIAGONAL)[None, :, None, :]
    back = np.asarray(idctn(coefficients, axes=(1, 3), norm="ortho")).reshape(ycc.shape)
    return cv2.cvtColor(np.clip(np.rint(back), 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def degrade(frame: Frame, rng: np.random.Generator) -> Frame:
    """Damage a frame at random; one in three is changed only slightly."""
    if rng.random() < 0.67:
        if rng.random() < 0.5:
            frame = blur(frame, rng.uniform(0.4, 1.4))
        if rng.random() < 0.4:
            frame = block_dct(frame, int(rng.integers(3, 8)), int(rng.integers(1, 5)), rng.uniform(0, 0.3), rng)
        if rng.random() < 0.35:
            frame = jpeg(frame, int(rng.integers(15, 75)))
    light = rng.uniform(0.92, 1.08) * frame.astype(np.float32) + rng.uniform(-6, 6)
    light += rng.uniform(0, 5) * _normal(rng, frame.shape)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Float32[ndarray, ...]:
    return rng.standard_normal(shape, dtype=np.float32)
