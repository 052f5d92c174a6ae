"""FVD and its content-debiased sister: networks against their references on random weights, windows, conventions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lt_bench.errors import AssetError, ConfigError
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.distribution import fvd
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.perception.i3d import i3d_logits, load_i3d
from lt_bench.perception.videomae import load_videomae, videomae_features

MakeClip = Callable[..., ClipContext]
TINY = {
    "image_size": 28,
    "patch_size": 14,
    "num_frames": 16,
    "tubelet_size": 2,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 96,
}


class TinyI3d(nn.Module):
    """A stand-in with the calling convention of the TorchScript file: (video, rescale, resize, return_features)."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(3, 5, 2)

    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        if resize:
            x = nn.functional.interpolate(x, size=[x.shape[2], 24, 24], mode="trilinear", align_corners=False)
        if rescale:
            x = x / 127.5 - 1
        features = self.layer(x).relu().mean([2, 3, 4])
        return features if return_features else features.softmax(1)


@pytest.fixture(scope="module")
def i3d_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import warnings

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("i3d") / "tiny.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(TinyI3d()).save(str(path))
    return path


def video(seed: int, frames: int = 16, side: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), dtype=np.uint8)


def test_the_network_is_given_0_to_255_with_rescaling_and_returns_features(i3d_file: Path) -> None:
    network, window = load_i3d(i3d_file), video(0)
    x = torch.from_numpy(window).permute(3, 0, 1, 2)[None].float()
    expected = network(x, True, True, True)[0].detach().numpy()
    np.testing.assert_allclose(i3d_logits(window, network=network), expected, rtol=1e-5)


def test_latentsyncs_input_in_0_to_1_without_rescaling_is_another_number(i3d_file: Path) -> None:
    network, window = load_i3d(i3d_file), video(0)
    x = torch.from_numpy(window).permute(3, 0, 1, 2)[None].float() / 255
    wrong = i3d_logits(window, rescale=False, resize=False, network=network)
    np.testing.assert_allclose(wrong, network(x, False, False, True)[0].detach().numpy(), rtol=1e-5)
    assert not np.allclose(wrong, i3d_logits(window, network=network), rtol=0.01)


def test_what_is_no_torchscript_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.pt").write_bytes(b"nothing")
    with pytest.raises(AssetError, match=r"x\.pt: expected a TorchScript network"):
        load_i3d(tmp_path / "x.pt")


def test_videomae_equals_cd_fvd_on_the_same_random_weights_in_the_official_form(tmp_path: Path) -> None:
    from cdfvd.third_party.VideoMAEv2.videomaev2_finetune import VisionTransformer

    torch.manual_seed(1)
    reference = VisionTransformer(
        img_size=28,
        patch_size=14,
        num_classes=7,
        embed_dim=24,
        depth=2,
        num_heads=3,
        mlp_ratio=4,
        qkv_bias=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        all_frames=16,
        tubelet_size=2,
        use_mean_pooling=True,
    ).eval()
    reference.interpolate_pos_encoding = lambda frames: reference.pos_embed  # its own is fixed to 16 x 16 patches
    for parameter in reference.parameters():
        parameter.data.normal_(0, 0.3)
    torch.save({"module": reference.state_dict()}, tmp_path / "official.pth")
    ours = load_videomae(tmp_path / "official.pth", TINY)
    window = video(2, side=40)
    frames = torch.from_numpy(window).permute(0, 3, 1, 2).float() / 255
    small = nn.functional.interpolate(frames, (28, 28), mode="bilinear", align_corners=False)
    with torch.no_grad():
        expected = reference.forward_features(small.permute(1, 0, 2, 3)[None])[0].numpy()
    np.testing.assert_allclose(videomae_features(window, ours), expected, rtol=1e-4, atol=1e-5)


def test_videomae_resizes_and_scales_as_cd_fvd_does() -> None:
    from cdfvd.third_party.VideoMAEv2.utils import preprocess_videomae

    window, seen = video(3, side=300), []

    class Encoder(nn.Module):
        class config:  # noqa: N801
            image_size = 224

    class Spy(nn.Module):
        encoder = Encoder()

        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x.mean((1, 2, 3, 4))[:, None]

    videomae_features(window, Spy())  # type: ignore[arg-type]
    np.testing.assert_allclose(seen[0][0].transpose(0, 1).numpy(), preprocess_videomae(window[None])[0], atol=1e-6)


def test_other_weights_than_videomaes_are_refused(tmp_path: Path) -> None:
    torch.save({"model": {"x": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(AssetError, match=r"other\.pth: expected official weights of VideoMAE v2"):
        load_videomae(tmp_path / "other.pth", TINY)


def test_covariances_over_n_as_stylegan_v_takes_them() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 9, 3))
    a, b = np.cov(x.T, ddof=0), np.cov(y.T, ddof=0)
    roots = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * roots
    assert frechet_distance(x, y, ddof=0) == pytest.approx(expected, rel=1e-6)


def test_faces_are_cut_to_their_landmarks_and_a_frame_without_one_is_a_miss() -> None:
    frames, points = video(5, 2, 40), np.zeros((2, 478, 3), np.float32)
    points[:, ::2, :2], points[:, 1::2, :2] = (10.2, 12.6), (29.5, 33.1)
    boxes = fvd.face_boxes(frames, points, "generated video a.mp4")
    assert boxes.shape == (2, 224, 224, 3)
    assert boxes[0].mean() == pytest.approx(frames[0, 12:34, 10:30].mean(), abs=2)
    points[1] = np.nan
    with pytest.raises(UnscorableError, match=r"generated video a\.mp4: expected a face in every frame"):
        fvd.face_boxes(frames, points, "generated video a.mp4")


def test_full_names_say_network_input_and_windows() -> None:
    assert build_metric("fvd").detail == (
        "I3D Kinetics-400 logits, rescaled to [-1, 1], bilinear to 224 px, windows of 16 frames, back to back"
    )
    emulated = build_metric("fvd_faces", {"values": "0-1", "windows": "first", "start": 20})
    assert "[0, 1] without rescaling, box of MediaPipe's 478 landmarks" in emulated.detail
    assert "the first after 20 frames" in emulated.detail
    assert emulated.detector != build_metric("fvd_faces").detector != build_metric("fvd").detector
    with pytest.raises(ConfigError, match="frames"):
        build_metric("fvd_videomae", {"frames": 8})
