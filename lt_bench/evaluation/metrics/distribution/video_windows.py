"""Which windows of a video a video network sees, and how their features become rows."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, UnscorableError, VideoView
from lt_bench.evaluation.metrics.distribution.feature_distance import DistributionMetric

Choice = Literal["all", "first", "random_real"]
"""``all``: back to back from the first scored frame. ``first``: that one alone. ``random_real``: one a video, the real
one's at a place drawn from the clip's id, as StyleGAN-V's loader does; the generated one's first."""


@dataclass(frozen=True)
class WindowMetric(DistributionMetric):
    """A Frechet distance over features of windows of frames."""

    lowest = 0.0
    extrapolates = True

    frames: int = 16
    """Length of a window."""
    windows: Choice = "all"
    """Which of them."""
    start: int = 0
    """Scored frames left out before the first window."""
    average: bool = False
    """One row a video, the mean of its windows' features, instead of one a window: another metric."""

    def __post_init__(self) -> None:
        if self.frames < 2 or self.start < 0:
            raise ValueError(f"frames, start: expected at least 2 and 0, got {self.frames}, {self.start}")

    @abstractmethod
    def window_features(self, video: VideoView, start: int) -> Float[ndarray, " D"]:
        """Features of the window that begins at frame ``start``."""

    @property
    def detail(self) -> str:
        """Windows and their rows."""
        return self.choice

    @property
    def choice(self) -> str:
        """Windows and their rows, in words."""
        which = {"all": "back to back", "first": "the first", "random_real": "one a video, the real one's at random"}
        after = f" after {self.start} frames" if self.start else ""
        return f"windows of {self.frames} frames, {which[self.windows]}{after}" + (
            ", averaged over each video" if self.average else ""
        )

    def features(self, video: VideoView, clip: ClipContext) -> Float[ndarray, "N D"]:
        """A row a window, or one for all."""
        total = video.length - clip.first_frame - self.start
        if total < self.frames:
            raise UnscorableError(
                f"{self.name}: expected {self.frames} scored frames or more, got {max(total, 0)}",
                fault=clip.fault_of_length(clip.first_frame + self.start + self.frames),
            )
        starts = self.starts(total, clip.id, video.real)
        begin = clip.first_frame + self.start
        key = f"{self.name} {self.detector} from {begin} windows {starts} of {self.frames}"

        def compute() -> dict[str, ndarray]:
            return {"rows": np.stack([self.window_features(video, begin + first) for first in starts])}

        rows = video.features(key, compute, heard=False)["rows"]
        return rows.mean(axis=0, keepdims=True) if self.average else rows

    def starts(self, total: int, clip_id: str, is_real: bool) -> list[int]:
        """First frames of the windows, of ``total`` frames."""
        if self.windows == "all":
            return list(range(0, total - self.frames + 1, self.frames))
        if self.windows == "first" or not is_real:
            return [0]
        draw = int.from_bytes(hashlib.sha256(clip_id.encode()).digest()[:8], "big")
        return [draw % (total - self.frames + 1)]
