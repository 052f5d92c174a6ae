"""Tokens of a window as they pass through the blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lt_bench.shapes import Float


@dataclass(frozen=True)
class WindowTokens:
    """Video tokens, motion frames, and the tokens of symbiotic conditions."""

    video: Float[Tensor, "B F N D"]
    motion: Float[Tensor, "B M N D"] | None
    """Motion frames, which precede the video in time."""
    stream: Float[Tensor, "B F K D"] | None
    """Tokens of symbiotic conditions for each frame, joined to its video tokens."""

    def with_video(self, video: Float[Tensor, "B F N D"]) -> WindowTokens:
        """Return a copy with other video tokens."""
        return replace(self, video=video)

    def with_stream(self, stream: Float[Tensor, "B F K D"]) -> WindowTokens:
        """Return a copy with other symbiotic tokens."""
        return replace(self, stream=stream)

    def motion_and_video(self) -> Float[Tensor, "B T N D"]:
        """Concatenate all frames in temporal order."""
        return self.video if self.motion is None else torch.cat([self.motion, self.video], dim=1)

    def with_motion_and_video(self, x: Float[Tensor, "B T N D"]) -> WindowTokens:
        """Replace all frames; the inverse of ``motion_and_video``."""
        if self.motion is None:
            return replace(self, video=x)
        motion, video = x.split([self.motion.shape[1], self.video.shape[1]], dim=1)
        return replace(self, motion=motion, video=video)

    def video_and_stream(self) -> Float[Tensor, "B F K D"]:
        """Concatenate all tokens of each frame, video tokens first."""
        return self.video if self.stream is None else torch.cat([self.video, self.stream], dim=2)

    def with_video_and_stream(self, x: Float[Tensor, "B F K D"]) -> WindowTokens:
        """Replace all tokens of each frame; the inverse of ``video_and_stream``."""
        if self.stream is None:
            return replace(self, video=x)
        video, stream = x.split([self.video.shape[2], self.stream.shape[2]], dim=2)
        return replace(self, video=video, stream=stream)
