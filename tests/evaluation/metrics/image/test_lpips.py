"""LPIPS against the package's own network with the same random backbone."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from lt_bench.errors import AssetError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.image import lpips as scores
from lt_bench.evaluation.metrics.image.lpips import load_lpips, lpips_distance


def video(seed: int, frames: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, 64, 72, 3), dtype=np.uint8)


@pytest.mark.parametrize("backbone", ["alex", "vgg"])
def test_equal_to_the_package_on_a_random_backbone(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import lpips
    from lpips import pretrained_networks
    from torchvision import models

    torch.manual_seed(0)
    trunk = models.alexnet(weights=None) if backbone == "alex" else models.vgg16(weights=None, init_weights=False)
    state = {name: value for name, value in trunk.state_dict().items() if name.startswith("features.")}
    torch.save(state, tmp_path / "trunk.pth")
    monkeypatch.setattr(pretrained_networks.tv, {"alex": "alexnet", "vgg": "vgg16"}[backbone], lambda pretrained: trunk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net=backbone, verbose=False)  # its own way of loading a pretrained trunk
    made, real = video(0), video(1)
    a, b = (torch.from_numpy(side).permute(0, 3, 1, 2).float() / 255 for side in (made, real))
    with torch.no_grad():
        expected = theirs(a, b, normalize=True).mean().item()
    monkeypatch.undo()
    ours = load_lpips(backbone, tmp_path / "trunk.pth")  # type: ignore[arg-type]
    assert lpips_distance(made, real, ours) == pytest.approx(expected, rel=1e-5)
    assert lpips_distance(real, real, ours) == 0
    monkeypatch.setattr(scores, "_BATCH", 1)
    assert lpips_distance(made, real, ours) == pytest.approx(expected, rel=1e-5)


def test_weights_that_lack_a_layer_are_refused(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "half.pth")
    with pytest.raises(AssetError, match=r"half\.pth: features\.0\.bias: expected a tensor of shape \(64,\), got none"):
        load_lpips("alex", tmp_path / "half.pth")


def test_the_name_says_the_backbone() -> None:
    assert (build_metric("lpips_alex").title, build_metric("lpips_vgg").title) == ("LPIPS, AlexNet", "LPIPS, VGG-16")
    assert build_metric("lpips_alex").detector != build_metric("lpips_vgg").detector
    assert "alexnet-owt-7be5be79.pth is absent" in (build_metric("lpips_alex").unavailable() or "")
