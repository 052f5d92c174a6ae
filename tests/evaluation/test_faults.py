"""Every clip without a score says what it lies in: the generated video, the reference set or the environment."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lt_bench.errors import AssetError, ConfigError, Fault, LtBenchError, MediaError, WriteError, blame
from lt_bench.evaluation.harness import evaluate
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.image.psnr import Psnr
from lt_bench.evaluation.metrics.image.sharpness import Sharpness
from lt_bench.evaluation.metrics.image.ssim import Ssim
from lt_bench.evaluation.metrics.lip_sync.voiced_audio import voice_of
from lt_bench.evaluation.metrics.motion.pixel_motion import FlickerRatio, MotionRatio
from lt_bench.evaluation.metrics.synthetic.lip_correlation import LipCorr, correlation
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.evaluation.running.clip_scorer import miss_of
from lt_bench.media.video_writer import write_video

RNG = np.random.default_rng(0)
LIVELY = RNG.integers(0, 255, (30, 16, 16, 3), dtype=np.uint8)
STILL = np.full_like(LIVELY, 9)
MakeClip = Callable[..., ClipContext]


def fault_of(measure: Callable[[], object]) -> Fault:
    """The fault that a result would list."""
    with pytest.raises(LtBenchError) as caught:
        measure()
    return miss_of(caught.value, "a", None).fault


def test_the_innermost_blame_wins_and_types_know_their_own() -> None:
    with pytest.raises(MediaError) as caught, blame("generated"), blame("reference"):
        raise MediaError("x")
    assert caught.value.fault == "reference"
    for kind in (AssetError, WriteError, ConfigError):
        with pytest.raises(kind) as caught, blame("generated"):
            raise kind("x")
        assert caught.value.fault == "environment"
    assert LtBenchError("x").fault is None


def test_a_fault_survives_the_way_from_a_worker_process() -> None:
    error = pickle.loads(pickle.dumps(UnscorableError("x", fault="reference")))
    assert (str(error), error.fault) == ("x", "reference")


def test_an_error_without_a_fault_counts_against_the_generated_video() -> None:
    assert miss_of(UnscorableError("x"), "a", "psnr").fault == "generated"


@pytest.mark.parametrize(
    ("metric", "generated", "real", "fault"),
    [
        (Psnr(), LIVELY, LIVELY, "reference"),
        (MotionRatio(), LIVELY, STILL, "reference"),
        (Sharpness(), STILL, LIVELY, "generated"),
        (Ssim(), LIVELY[:, :8, :8], LIVELY[:, :8, :8], "environment"),
        (FlickerRatio(), LIVELY[:2], LIVELY[:2], "reference"),
        (LipCorr(), LIVELY, LIVELY, "reference"),
    ],
)
def test_faults_of_metrics(
    clip_of: MakeClip, metric: Psnr, generated: np.ndarray, real: np.ndarray, fault: Fault
) -> None:
    assert fault_of(lambda: metric.score(clip_of(generated, real))) == fault


def test_a_clip_is_too_short_through_the_shorter_video(clip_of: MakeClip) -> None:
    clip = replace(clip_of(LIVELY[:2], LIVELY[:2]), reference_frames=3)
    assert fault_of(lambda: FlickerRatio().score(clip)) == "generated"


def test_a_constant_series_is_the_fault_of_its_video() -> None:
    moving, constant = np.sin(np.arange(20.0)), np.ones(20)
    assert fault_of(lambda: correlation(constant, moving)) == "generated"
    assert fault_of(lambda: correlation(moving, constant)) == "reference"


def test_silence_is_the_fault_of_the_video_that_is_silent(clip_of: MakeClip) -> None:
    clip = clip_of(LIVELY, LIVELY, audio=np.zeros(30 * 640, np.float32))
    assert fault_of(lambda: voice_of(clip.generated)) == "generated"
    assert fault_of(lambda: voice_of(clip.real)) == "reference"


def test_faults_of_a_result(painted, generate: Callable[..., Path], tmp_path: Path) -> None:
    real = tmp_path / "real"
    shutil.copytree(painted.folder, real)
    folder = generate()
    write_video(real / "bob_1.mp4", LIVELY, crf=30)  # no longer the file that the manifest names
    (folder / "bob_0.mp4").unlink()
    shutil.copy(painted.folder / "ann_0.mp4", folder / "ann_0.mp4")  # equal to its reference
    write_video(folder / "cid_0.mp4", LIVELY.repeat(4, axis=1).repeat(4, axis=2), crf=30)  # too short
    shutil.copy(painted.folder / "ann_0.mp4", folder / "dan_0.mp4")
    rules = Protocol("pixels", 1, "for tests", (ScoreSpec("psnr"), ScoreSpec("motion_ratio")), 64)
    result = evaluate(folder, real, rules)
    assert {(miss.clip, miss.score): miss.fault for miss in result.misses} == {
        ("ann_0", "psnr"): "reference",
        ("bob_0", None): "generated",
        ("bob_1", None): "reference",
        ("cid_0", None): "generated",
        ("dan_0", None): "reference",
    }
    kept = evaluate(folder, real, rules)  # from the value cache
    assert kept.misses == result.misses
