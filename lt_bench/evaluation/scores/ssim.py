"""SSIM against the real video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.evaluation.scores.base import ClipContext, PerVideoScore, UnscorableError, register

WINDOW, SIGMA = 11, 1.5
_BATCH = 16


def ssim(generated: UInt8[ndarray, "F H W 3"], real: UInt8[ndarray, "F H W 3"]) -> float:
    """Mean structural similarity over frames and channels, Gaussian window of 11 pixels and sigma 1.5, data range 1.

    Raises:
        UnscorableError: frames are smaller than the window.
    """
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    if min(real.shape[1:3]) < WINDOW:
        raise UnscorableError(f"SSIM: expected frames of at least {WINDOW} pixels, got {real.shape[2]}x{real.shape[1]}")
    values = []
    for start in range(0, len(real), _BATCH):
        a, b = (
            torch.from_numpy(np.ascontiguousarray(video[start : start + _BATCH])).permute(0, 3, 1, 2).double() / 255
            for video in (generated, real)
        )
        values.append(
            structural_similarity_index_measure(a, b, sigma=SIGMA, kernel_size=WINDOW, data_range=1.0, reduction="none")
        )
    return float(torch.cat([torch.atleast_1d(v) for v in values]).mean())  # type: ignore[arg-type]


@register
@dataclass(frozen=True)
class Ssim(PerVideoScore):
    """Likeness of local structure."""

    name = "ssim"
    title = f"SSIM of RGB, Gaussian {WINDOW}/{SIGMA}"
    unit = ""
    higher_is_better = True
    source = "Wang et al. 2004, Image quality assessment: from error visibility to structural similarity"

    def score(self, clip: ClipContext) -> float:
        """Mean SSIM of the scored frames."""
        return ssim(clip.generated.frames[clip.scored], clip.real.frames[clip.scored])
