"""Windows of audio features and mouth masks over the frames of a clip."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor


def audio_windows(
    features: Float[Tensor, "F L D"], start: int, length: int, radius: int
) -> Float[Tensor, "length window L D"]:
    """Collect the audio features around each of ``length`` frames from ``start``: ``2 * radius + 1`` per frame.

    Indices are clamped, so frames before the first or after the last repeat it. (A negative index would silently wrap
    around to the end of the file.) ``start`` can lie outside the clip.
    """
    if len(features) == 0 or length < 1 or radius < 0:
        raise ValueError(f"expected features, length >= 1, radius >= 0; got {len(features)}, {length}, {radius}")
    window, first = 2 * radius + 1, start - radius
    if first >= 0 and start + length + radius <= len(features):
        # Overlapping views of the rows are copied once; indexing takes two to five times as long.
        rows, *inner = features.stride()
        shape, strides = (length, window, *features.shape[1:]), (rows, rows, *inner)
        return features.as_strided(shape, strides, features.storage_offset() + first * rows).contiguous()
    index = torch.arange(first, first + length)[:, None] + torch.arange(window)
    return features.index_select(0, index.clamp(0, len(features) - 1).flatten()).unflatten(0, (length, window))


def mouth_mask(boxes: Float[Tensor, "F 4"], height: int, width: int) -> Float[Tensor, "F height width"]:
    """Return 1 for every latent pixel that the mouth box touches, else 0; all 0 if the box is NaN.

    Args:
        boxes: x0, y0, x1, y1 as fractions of the frame.
        height: height of the latent, in latent pixels.
        width: width of the latent, in latent pixels.
    """
    # numpy has less overhead than torch for these small arrays, and every training window needs them.
    x, y, size = _places(width, height)
    x0, y0, x1, y1 = (boxes.numpy() * size).T[..., None]
    # A latent pixel covers [i, i + 1); comparisons with NaN are false.
    across = (x < x1) & (x + 1 > x0)
    down = (y < y1) & (y + 1 > y0)
    return torch.from_numpy((down[:, :, None] & across[:, None, :]).astype(np.float32))


@lru_cache(maxsize=16)
def _places(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the left and upper borders of the latent pixels, and the factors that scale a box to them."""
    size = np.array([width, height, width, height], np.float32)
    return np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32), size
