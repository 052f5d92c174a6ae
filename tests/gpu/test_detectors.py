"""Networks behind metrics on the pretended GPU: the numbers of the CPU, and the host synchronizations of each call."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lt_bench.evaluation.metrics.image.lpips import load_lpips, lpips_distance
from lt_bench.perception.device import detector_device
from lt_bench.perception.syncnet import SyncNet, syncnet_reading
from lt_bench.perception.videomae import VideoMae, videomae_features
from tests.support.pretended_gpu import pretended_gpu


def on_both(compute: Callable[[], Any]) -> tuple[Any, Any, Counter[str]]:
    """What the CPU and the pretended GPU compute, and the GPU's synchronizations of a second call by kind."""
    expected = compute()
    with pretended_gpu() as gpu:
        got = compute()
        gpu.reset()
        compute()
        return expected, got, Counter(event.kind for event in gpu.syncs)


def test_videomae(tmp_path: Path) -> None:
    settings = {"image_size": 32, "patch_size": 16, "num_frames": 4, "hidden_size": 16, "num_hidden_layers": 2}
    torch.manual_seed(0)
    network = VideoMae({**settings, "num_attention_heads": 2, "intermediate_size": 32}).eval().requires_grad_(False)
    window = np.random.default_rng(0).integers(0, 256, (4, 40, 40, 3), dtype=np.uint8)

    def compute() -> np.ndarray:
        return videomae_features(window, network.to(detector_device()))

    expected, got, syncs = on_both(compute)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    assert syncs == {"copy to device": 2, "copy to host": 1}  # the window, and transformers' positions


def test_lpips(tmp_path: Path) -> None:
    from torchvision import models

    torch.manual_seed(0)
    torch.save(models.alexnet(weights=None).state_dict(), tmp_path / "alex.pth")
    rng = np.random.default_rng(0)
    made, real = (rng.integers(0, 256, (10, 64, 64, 3), dtype=np.uint8) for _ in range(2))
    expected, got, syncs = on_both(lambda: lpips_distance(made, real, load_lpips("alex", tmp_path / "alex.pth")))
    assert got == pytest.approx(expected, rel=1e-5)
    assert syncs["copy to host"] == 2  # one for each batch of eight frames


def test_syncnet(syncnet_weights: tuple[Path, Path]) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (9, 224, 224, 3), dtype=np.uint8)
    sound = (0.1 * rng.normal(size=9 * 640)).astype(np.float32)
    network = SyncNet(*syncnet_weights)._pipeline.syncnet.__S__
    expected, got, syncs = on_both(lambda: syncnet_reading(network, pictures, sound))
    assert (got.confidence, got.distance) == pytest.approx((expected.confidence, expected.distance), rel=1e-4)
    assert syncs == {"copy to device": 2, "copy to host": 2}  # pictures and sound there, features of both back


def test_the_face_detector_of_syncnet(syncnet_weights: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from syncnet_python.detectors.s3fd import box_utils

    def best(boxes: torch.Tensor, scores: torch.Tensor, *_: float) -> tuple[torch.Tensor, int]:
        """In place of the package's suppression, which resizes tensors: the five best."""
        return scores.topk(5).indices, 5

    monkeypatch.setattr(box_utils, "nms", best)
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    detector = SyncNet(*syncnet_weights)._pipeline.s3fd

    def compute() -> np.ndarray:
        detector.device = detector.net.device = str(detector_device())  # files cannot be read onto a pretended GPU
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return detector.detect_faces(image, conf_th=0.4)

    expected, got, _ = on_both(compute)
    assert len(expected) > 0
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-3)
