"""Scores that rest on pinned networks: SqueezeNet features, MediaPipe's face track."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lt_bench.errors import AssetError
from lt_bench.evaluation.harness import evaluate
from lt_bench.evaluation.metrics.distribution import fd_squeezenet
from lt_bench.evaluation.metrics.distribution.fd_squeezenet import FdSqueezenet, squeezenet_features
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.media.video import read_frames, write_video

RULES = Protocol("faces", 1, "for tests", (ScoreSpec("fd_squeezenet", {"stride": 10}),), 0, min_frames=20)


@pytest.fixture(autouse=True)
def _fresh_network() -> None:
    fd_squeezenet._network.cache_clear()


def test_features_equal_the_network_applied_by_hand(mirror: Path) -> None:
    from safetensors.torch import load_file
    from torchvision.models import squeezenet1_1

    frame = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    network = squeezenet1_1(weights=None).eval()
    network.load_state_dict(load_file(mirror / "squeezenet1_1_caffe.safetensors"))
    blue, green, red = (frame[..., channel].astype(np.float32) for channel in (2, 1, 0))
    centred = np.stack([blue - 104.006, green - 116.669, red - 122.679])[None]
    with torch.inference_mode():
        expected = network.features(torch.from_numpy(centred)).mean((2, 3)).numpy()
    found = squeezenet_features(frame[None])
    assert found.shape == (1, 512)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_the_networks_input_is_blue_first(mirror: Path) -> None:
    """The Caffe weights recognise an orange by its colour: class 950, which red and blue exchanged are not."""
    yy, xx = np.mgrid[:224, :224] - 112.0
    ball = np.full((224, 224, 3), 250.0)
    light = np.clip(1.1 - 0.006 * np.hypot(xx + 25, yy + 25), 0.4, 1)[..., None]
    ball[np.hypot(xx, yy) < 85] = (light * (255, 140, 20))[np.hypot(xx, yy) < 85]
    from safetensors.torch import load_file
    from torchvision.models import squeezenet1_1

    network = squeezenet1_1(weights=None).eval()
    network.load_state_dict(load_file(mirror / "squeezenet1_1_caffe.safetensors"))
    orange = cv2.GaussianBlur(ball, (5, 5), 1).astype(np.float32)

    def probability(bgr: np.ndarray) -> float:
        centred = (bgr - np.array(fd_squeezenet.MEAN_BGR, np.float32)).astype(np.float32)
        with torch.inference_mode():
            return float(network(torch.from_numpy(centred).permute(2, 0, 1)[None]).softmax(1)[0, 950])

    assert probability(orange[..., ::-1]) > 5 * probability(orange)


def test_batches_change_nothing_and_equal_sets_are_at_zero(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (5, 48, 48, 3), dtype=np.uint8)
    eight = squeezenet_features(frames)
    monkeypatch.setattr(fd_squeezenet, "_BATCH", 2)
    two = squeezenet_features(frames)
    np.testing.assert_allclose(eight, two, rtol=1e-4, atol=1e-3)
    assert frechet_distance(eight, eight[::-1]) == pytest.approx(0, abs=1e-6)


def test_without_its_weights_the_score_says_how_to_get_them() -> None:
    assert FdSqueezenet().unavailable() == (
        "asset squeezenet1_1_caffe.safetensors is absent: lt-bench assets get squeezenet1_1_caffe.safetensors"
    )
    with pytest.raises(AssetError, match=r"squeezenet1_1_caffe\.safetensors"):
        squeezenet_features(np.zeros((1, 32, 32, 3), np.uint8))


def test_without_the_landmarker_face_scores_are_missing(painted, generate: Callable[..., Path]) -> None:
    rules = replace(
        RULES, scores=(ScoreSpec("psnr"), ScoreSpec("head_motion_ratio"), ScoreSpec("blink_rate_difference"))
    )
    result = evaluate(generate(), painted.folder, rules)
    for name in ("head_motion_ratio", "blink_rate_difference"):
        assert (
            result.scores[name].missing
            == "asset face_landmarker.task is absent: lt-bench assets get face_landmarker.task"
        )
    assert result.misses == ()


def test_faces_of_a_real_speaker(mirror: Path, tmp_path: Path) -> None:
    from lt_bench.assets.store import asset_path

    frames = read_frames(asset_path("bbaf2n.mpg"))[:40, 16:, 36:324]
    blank = np.full_like(frames, 90) + np.random.default_rng(0).integers(0, 9, frames.shape, dtype=np.uint8)
    real, made = tmp_path / "real", tmp_path / "made"
    shown = {"copy": frames, "frozen": np.repeat(frames[:1], 40, axis=0), "nobody": blank}
    for folder in (real, made):
        folder.mkdir()
    for name, video in shown.items():
        write_video(real / f"{name}.mp4", frames, preset="ultrafast")
        write_video(made / f"{name}.mp4", video, crf=16, preset="ultrafast")
    scores = (*RULES.scores, ScoreSpec("head_motion_ratio"), ScoreSpec("blink_rate_difference"))
    result = evaluate(made, real, replace(RULES, scores=scores))
    motion = result.scores["head_motion_ratio"]
    assert motion.per_video["copy"] == pytest.approx(1, abs=0.15)
    assert motion.per_video["frozen"] < 0.3
    assert result.scores["blink_rate_difference"].per_video["copy"] == pytest.approx(0, abs=0.7)
    missed = {(m.clip, m.score): m.reason for m in result.misses}
    assert missed["nobody", "head_motion_ratio"] == "generated video nobody.mp4: no face found in any of 40 frames"
    assert set(missed) == {("nobody", "head_motion_ratio"), ("nobody", "blink_rate_difference")}
    distance = result.scores["fd_squeezenet"]
    assert distance.value > 0
    assert distance.title.endswith("faces version 1: whole frames at 288x272, from frame 0 at 25 fps, d=512, N=12")
    assert len(distance.detector) == 64
    assert len(motion.detector) == 64
