"""Scores as torchmetrics metrics: the values are the harness's own, whatever the batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torchmetrics.image import StructuralSimilarityIndexMeasure

from lt_bench.errors import ConfigError, MediaError
from lt_bench.evaluation.metrics.base import ClipContext, VideoMetric
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.evaluation.metrics.image.ssim import ssim
from lt_bench.evaluation.torch_metrics import TorchVideoMetric

VIDEOS = np.random.default_rng(0).integers(0, 256, (2, 3, 12, 64, 64, 3), np.uint8)
MADE, REAL = (torch.from_numpy(side) for side in VIDEOS)


def test_the_value_is_the_scores_own_and_torchmetrics() -> None:
    metric = TorchVideoMetric("ssim")
    metric.update(MADE, REAL)
    expected = np.mean([ssim(a, b) for a, b in zip(*VIDEOS, strict=True)])
    assert float(metric.compute()) == pytest.approx(expected, abs=1e-12)
    outside = StructuralSimilarityIndexMeasure(data_range=1.0)
    planes = [x.flatten(0, 1).permute(0, 3, 1, 2).double() / 255 for x in (MADE, REAL)]
    assert float(metric.compute()) == pytest.approx(float(outside(*planes)), abs=1e-3)  # it crops borders
    assert metric.higher_is_better


def test_batches_do_not_matter_and_a_reset_forgets() -> None:
    one, many = TorchVideoMetric("fd_probe"), TorchVideoMetric("fd_probe")
    one.update(MADE, REAL)
    for made, real in zip(MADE, REAL, strict=True):
        many.update(made, real)
    assert float(one.compute()) == float(many.compute())
    one.reset()
    one.update(REAL, REAL)
    assert float(one.compute()) == pytest.approx(0, abs=1e-12)


def test_states_of_several_processes_are_joined() -> None:
    parts = [TorchVideoMetric("fd_probe") for _ in range(2)]
    parts[0].update(MADE[:1], REAL[:1])
    parts[1].update(MADE[1:], REAL[1:])
    sides = ("generated", "real")
    joined = [torch.cat([torch.cat(list(getattr(part, side))) for part in parts]).numpy() for side in sides]
    whole = TorchVideoMetric("fd_probe")
    whole.update(MADE, REAL)
    assert float(whole.compute()) == pytest.approx(frechet_distance(*joined))


@dataclass(frozen=True)
class Heard(VideoMetric):
    """How many samples of sound a score is given."""

    name = "heard"
    title = "samples"
    source = "test"

    def score(self, clip: ClipContext) -> float:
        return float(len(clip.generated.audio))


def test_sound_is_cut_to_the_video_as_the_harness_cuts_it() -> None:
    metric = TorchVideoMetric("psnr")
    metric.score = Heard()
    metric.update(MADE, REAL, torch.zeros(3, 16000))
    assert float(metric.compute()) == MADE.shape[1] * 640


def test_what_cannot_be_a_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs truth beside the videos"):
        TorchVideoMetric("lip_corr")
    with pytest.raises(ConfigError, match="asset"):
        TorchVideoMetric("fd_squeezenet")
    with pytest.raises(MediaError, match="of one shape"):
        TorchVideoMetric("psnr").update(MADE, REAL[:, :5])
    with pytest.raises(MediaError, match="expected two uint8 videos"):
        TorchVideoMetric("psnr").update(MADE.float(), REAL.float())
