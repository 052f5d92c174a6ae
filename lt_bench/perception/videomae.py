"""VideoMAE v2 (ViT-g, fine-tuned on Something-Something v2) for the content-debiased FVD, run by transformers.

The official file has its own names and one matrix for queries, keys and values; ``to_transformers`` renames them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor, nn
from torch.nn import functional

from lt_bench.assets.pretrained import one_line
from lt_bench.assets.store import asset_path
from lt_bench.assets.weights import read_torch
from lt_bench.errors import AssetError, LtBenchError
from lt_bench.perception.device import detector_device, exact_inference, kept_network

WEIGHTS = "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
SIDE = 224
FRAMES = 16
GIANT: dict[str, Any] = {
    "image_size": SIDE,
    "patch_size": 14,
    "num_frames": FRAMES,
    "tubelet_size": 2,
    "hidden_size": 1408,
    "num_hidden_layers": 40,
    "num_attention_heads": 16,
    "intermediate_size": 6144,
}
"""Settings of ViT-g for transformers' VideoMAEConfig."""
_EPS = 1e-6
_RENAMED = (
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^blocks\.(\d+)\.norm1\.", r"encoder.layer.\1.layernorm_before."),
    (r"^blocks\.(\d+)\.norm2\.", r"encoder.layer.\1.layernorm_after."),
    (r"^blocks\.(\d+)\.attn\.proj\.", r"encoder.layer.\1.attention.output.dense."),
    (r"^blocks\.(\d+)\.mlp\.fc1\.", r"encoder.layer.\1.intermediate.dense."),
    (r"^blocks\.(\d+)\.mlp\.fc2\.", r"encoder.layer.\1.output.dense."),
)


class VideoMae(nn.Module):
    """The encoder with its last norm: mean over tokens, LayerNorm.

    Args:
        settings: arguments of transformers' ``VideoMAEConfig``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__()
        from transformers import VideoMAEConfig, VideoMAEModel

        self.encoder = VideoMAEModel(VideoMAEConfig(**settings, layer_norm_eps=_EPS, use_mean_pooling=True))
        self.fc_norm = nn.LayerNorm(settings["hidden_size"], eps=_EPS)

    def forward(self, video: Float[Tensor, "B T 3 H W"]) -> Float[Tensor, "B D"]:
        """Compute features of windows in [0, 1], which are not normalized by mean and standard deviation."""
        return self.fc_norm(self.encoder(video).last_hidden_state.mean(1))


def videomae_features(window: UInt8[ndarray, "T H W 3"], network: VideoMae | None = None) -> Float[ndarray, " D"]:
    """Compute features of one window, float32: values / 255, bilinear resize (pixel centers, no antialias) to 224.

    Raises:
        AssetError: the weights are missing or are not those of the network.
    """
    network = network or pinned_videomae()
    side: Any = network.encoder.config.image_size
    video = torch.from_numpy(np.ascontiguousarray(window)).permute(0, 3, 1, 2).to(detector_device()).float() / 255
    video = functional.interpolate(video, (side, side), mode="bilinear", align_corners=False)
    with exact_inference():
        return network(video[None])[0].float().cpu().numpy()


def load_videomae(path: Path, settings: Mapping[str, Any] | None = None) -> VideoMae:
    """Load the network with the weights of an official file, in evaluation mode on the detectors' device.

    Raises:
        AssetError: the file has other content.
    """
    network = VideoMae(settings or GIANT)
    try:
        loaded = read_torch(path)
        state = next((loaded[key] for key in ("model", "module") if key in loaded), loaded)
        wanted = to_transformers(state, "q_bias" in " ".join(network.encoder.state_dict()))
        network.load_state_dict(wanted)
    except (LtBenchError, RuntimeError, KeyError, TypeError) as error:
        raise AssetError(f"{path.name}: expected official weights of VideoMAE v2, got: {one_line(error)}") from None
    return network.eval().requires_grad_(False).to(detector_device())


def to_transformers(state: Mapping[str, Tensor], split_bias: bool) -> dict[str, Tensor]:
    """Rename official weights to those of ``VideoMae``, without the classification head.

    Args:
        state: official state dict.
        split_bias: store the biases of queries and values separately, as transformers before version 5 does.
    """
    renamed = {}
    for name, value in state.items():
        if name.startswith(("head.", "pos_embed")):
            continue
        if name.startswith("fc_norm."):
            renamed[name] = value
            continue
        found = re.match(r"^blocks\.(\d+)\.attn\.(qkv\.weight|q_bias|v_bias)$", name)
        if found:
            renamed.update(
                _attention(f"encoder.encoder.layer.{found[1]}.attention.attention.", found[2], value, split_bias)
            )
            continue
        for pattern, new in _RENAMED:
            name = re.sub(pattern, new, name)
        renamed[f"encoder.{name}"] = value
    return renamed


def _attention(prefix: str, name: str, value: Tensor, split_bias: bool) -> dict[str, Tensor]:
    if name == "qkv.weight":
        parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
        return {f"{prefix}{part}.weight": weight for part, weight in parts}
    if split_bias:
        return {prefix + name: value}
    if name == "q_bias":  # keys have no bias in the official network
        return {f"{prefix}query.bias": value, f"{prefix}key.bias": torch.zeros_like(value)}
    return {f"{prefix}value.bias": value}


@kept_network
def pinned_videomae() -> VideoMae:
    """Return the network with the pinned weights; read once per process."""
    return load_videomae(asset_path(WEIGHTS))
