"""Scores as torchmetrics ``Metric`` objects, for loops that hold frames in memory.

::

    metric = TorchVideoMetric("ssim", size=(64, 64))
    metric.update(generated, real)      # uint8 (F, H, W, 3) or (B, F, H, W, 3)
    metric.compute()
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor
from torchmetrics import Metric

from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.errors import ConfigError, MediaError
from lt_bench.evaluation.inputs.clip_context import ClipContext, Tools, VideoView, to_size
from lt_bench.evaluation.metrics.base import SetMetric, VideoMetric
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.statistics.cluster import aggregate
from lt_bench.evaluation.stores.feature_store import Address, Features, FeatureStore
from lt_bench.files import sha256_json

Videos = UInt8[Tensor, "F H W 3"] | UInt8[Tensor, "B F H W 3"]
BESIDE = ("truth", "other_identity", "gallery")
"""What a metric that sees two videos cannot have."""


class TorchVideoMetric(Metric):
    """Any score that needs no more than a generated and a real video, and their sound.

    The value equals the harness's under the same settings, of the same frames and sound, but for what only a folder of
    videos tells. Videos are named video1, video2, ... here: ``lip_sync_open`` does not know the clips of its fit, and
    windows ``random_real`` lie elsewhere. The portrait is the first real frame, not that of a manifest.

    Over several processes the values (or features) of all are gathered. How videos are shared out matters to the value
    only where their names do.

    Args:
        score: a score's name.
        settings: of the score, as a protocol's YAML gives them.
        size: width and height at which frames are scored, in pixels; None as they are.
        fps: of the frames; nothing is resampled.
        first_frame: frames before it are not scored.

    Raises:
        ConfigError: an unknown score or setting, one that needs more than two videos, or whose assets are absent.
    """

    full_state_update = False
    is_differentiable = False

    def __init__(
        self,
        score: str,
        settings: dict[str, Any] | None = None,
        size: tuple[int, int] | None = None,
        fps: float = float(FPS),
        first_frame: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.score = build_metric(score, settings, "TorchVideoMetric")
        self.size, self.fps, self.first_frame = size, fps, first_frame
        beside = [need for need in self.score.needs if need in BESIDE]
        why = f"needs {', '.join(beside)} beside the videos" if beside else self.score.unavailable()
        if why or not isinstance(self.score, (VideoMetric, SetMetric)):
            raise ConfigError(f"TorchVideoMetric: score '{score}': {why or 'is not one of videos'}")
        for name in ("values",) if isinstance(self.score, VideoMetric) else ("generated", "real"):
            self.add_state(name, [], dist_reduce_fx="cat")
        self._tools, self._seen = Tools(_Nowhere()), 0

    @property
    def higher_is_better(self) -> bool | None:  # type: ignore[override]
        """As the score has it."""
        return self.score.higher_is_better

    def update(
        self,
        generated: Videos,
        real: Videos,
        audio: Tensor | None = None,
    ) -> None:
        """Take in one pair of videos, or a batch of them.

        Args:
            generated: RGB 0..255.
            real: of the same shape.
            audio: the generated videos' sound for metrics that use audio: floats in [-1, 1], mono at 16 kHz, of shape
                (samples,) or (B, samples); sound beyond the end of the video is cut.

        Raises:
            MediaError: other shapes or types, or no sound for a metric that uses audio.
            UnscorableError: the score has no value for these videos.
        """
        if generated.dtype != torch.uint8 or generated.shape != real.shape or generated.ndim not in (4, 5):
            raise MediaError(
                "TorchVideoMetric: expected two uint8 videos (F, H, W, 3) or batches of them of one shape, got "
                f"{generated.dtype} {tuple(generated.shape)} and {real.dtype} {tuple(real.shape)}"
            )
        if audio is None and "audio" in self.score.needs:
            raise MediaError(f"TorchVideoMetric: expected sound for '{self.score.name}', which listens, got none")
        batch = [x if generated.ndim == 5 else x[None] for x in (generated, real)]
        sounds = [None] * len(batch[0]) if audio is None else list(audio if generated.ndim == 5 else audio[None])
        for made, true, sound in zip(*batch, sounds, strict=True):
            self._take(self._clip(made.cpu().numpy(), true.cpu().numpy(), sound))

    def compute(self) -> Tensor:
        """The value of all videos so far."""
        if isinstance(self.score, VideoMetric):
            return torch.tensor(aggregate(_rows(self.values), self.score.aggregate), dtype=torch.float64)
        assert isinstance(self.score, SetMetric)
        collected = {"generated": _rows(self.generated), "real": _rows(self.real)}
        return torch.tensor(self.score.combine([collected]), dtype=torch.float64)

    def _take(self, clip: ClipContext) -> None:
        if isinstance(self.score, VideoMetric):
            self.values.append(torch.tensor([self.score.score(clip)], dtype=torch.float64))  # type: ignore[union-attr]
            return
        assert isinstance(self.score, SetMetric)
        found = self.score.collect(clip)
        if set(found) != {"generated", "real"}:
            raise ConfigError(f"TorchVideoMetric: score '{self.score.name}': collects more than features of two videos")
        self.generated.append(torch.from_numpy(found["generated"]))  # type: ignore[union-attr]
        self.real.append(torch.from_numpy(found["real"]))  # type: ignore[union-attr]

    def _clip(self, made: ndarray, true: ndarray, sound: Tensor | None) -> ClipContext:
        self._seen += 1
        views = [self._view(frames, real) for frames, real in ((made, False), (true, True))]
        if sound is not None:
            views[0].__dict__["audio"] = sound.cpu().numpy()[: round(len(made) / self.fps * SAMPLE_RATE)]
        name = f"video{self._seen}"
        return ClipContext(name, name, views[0], views[1], self.first_frame, lambda: views[1].frames[0])

    def _view(self, frames: ndarray, real: bool) -> VideoView:
        sized = frames if self.size is None else to_size(frames, *self.size)
        path = Path(f"{'real' if real else 'generated'}{self._seen}")
        self._tools.name(path, sha256_json([str(path)]))
        return VideoView(path, lambda: sized, "in memory", self.fps, self._tools, real, len(sized))


class _Nowhere(FeatureStore):
    """Keeps nothing: frames in memory have no file that could address them."""

    def get(self, address: Address, compute: Any) -> dict[str, ndarray]:
        """Always computed."""
        return dict(compute())

    def put(self, address: Address, features: Features) -> dict[str, ndarray]:
        """Nothing is kept."""
        return dict(features)


def _rows(state: Any) -> ndarray:
    """A list state, or what it became when processes were joined."""
    return np.asarray((torch.cat(list(state)) if isinstance(state, list) else state).cpu())
