"""Frames that a window shares with the previous window, so that windows join without jumps."""

from __future__ import annotations

import torch
from torch import Tensor

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.schedule import flow_marginal, linear_marginal
from lt_bench.errors import ConfigError
from lt_bench.shapes import Float, Latents


class SharedFrames:
    """Fixes the first frames of a batch of windows to known latents.

    At every noise level these frames are the known latents with their own noise of that level, as in RePaint (Lugmayr
    et al. 2022, equation 8a) without resampling; temporal attention fits the other frames to them. Without known frames
    it has no effect.
    """

    def __init__(self, known: Float[Tensor, "B K C H W"], noise: Latents, diffusion: DiffusionConfig) -> None:
        """Set up the shared frames.

        Args:
            known: clean latents of the first K frames.
            noise: initial noise of the windows, with unit variance; its first K frames are used at every level.
            diffusion: objective with the schedule.
        """
        self._known, self._noise = known, noise[:, : known.shape[1]]
        self._marginal = linear_marginal if diffusion.schedule == "linear" else flow_marginal

    def hold(self, x: Latents, t: Tensor) -> Latents:
        """Replace the known frames of ``x`` at timestep ``t``."""
        count = self._known.shape[1]
        if not count:
            return x
        marginal = self._marginal(t)
        signal, sigma = float(marginal.signal), float(marginal.sigma)
        return torch.cat([signal * self._known + sigma * self._noise, x[:, count:]], dim=1)

    def finish(self, x: Latents) -> Latents:
        """Replace the known frames of the clean result."""
        return torch.cat([self._known, x[:, self._known.shape[1] :]], dim=1)


def check_overlap(overlap: int, frames: int) -> None:
    """Check that every window has at least one new frame.

    Raises:
        ConfigError: the overlap is negative, or not below the window's length.
    """
    if not 0 <= overlap < frames:
        raise ConfigError(f"sampling.overlap: expected 0 to {frames - 1} (model.frames - 1), got {overlap}")


def window_starts(total: int, frames: int, overlap: int) -> list[int]:
    """Return the first new frame of each window of a video.

    Args:
        total: frames of the video.
        frames: frames of a window.
        overlap: frames that each window except the first shares with the previous one.

    Example:
        >>> window_starts(20, frames=8, overlap=2)
        [0, 8, 14]
    """
    return [0, *range(frames, total, frames - overlap)] if total > 0 else []
