"""Against recorded outputs of the networks that LetsTalk's authors released, through ``import-checkpoint``'s mapping.

Weights and inputs come from a formula (an integer hash, the same on every machine), so only numbers are recorded, in
``release_parity.json``: every size of the release at 2 blocks, 3 frames of 4 x 4 patches, 4 audio tokens a frame.
``experiments/parity/record_letstalk.py`` wrote them beside a copy of the release, and says how.
"""

from __future__ import annotations

import json
import math
import zlib
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.models.positions import sincos_1d, sincos_2d
from lt_bench.models.presets import PRESETS, Size
from lt_bench.models.release import ReleasedWeights, convert_weights, infer_config, infer_latent_shape
from lt_bench.models.release.shape import speech_shape

RECORDED = Path(__file__).with_name("release_parity.json")
DEPTH, FRAMES, MEMORY, SIDE = 2, 3, 2, 4
AUDIO_DIM, AUDIO_HIDDEN, AUDIO_TOKENS = 24, 32, 4
SIZES = {name: (PRESETS[name].dim, PRESETS[name].heads) for name in ("S", "B", "L", "XL")}
CASES = [
    *(("short", size, patch) for size in SIZES for patch in (2, 4, 8)),
    *(("memory", size, patch) for size in SIZES for patch in (1, 2, 4, 8)),
    *(("linear", size, 1) for size in ("S", "XL")),
]
CASES.sort(key=lambda case: list(SIZES).index(case[1]))  # so that the weights of one size are made once


def formula(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform numbers in [-1, 1), float32, from the name and the place."""
    k = np.arange(math.prod(shape), dtype=np.uint32)
    k += np.uint32(zlib.crc32(name.encode()))
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        k ^= k >> np.uint32(shift)
        k *= np.uint32(factor)
    k ^= k >> np.uint32(16)
    return (k.astype(np.float32) / np.float32(2**31) - 1).reshape(shape)


@lru_cache(maxsize=200)
def weight(name: str, shape: tuple[int, ...]) -> Tensor:
    values = formula(name, shape)
    if len(shape) == 1:
        return torch.from_numpy(1 + 0.3 * values if "norm" in name and name.endswith("weight") else 0.3 * values)
    values *= math.sqrt(3 / math.prod(shape[1:]))
    return torch.from_numpy(values)


def inputs(channels: int, patch: int, memory: bool) -> dict[str, Tensor]:
    side = SIDE * patch
    shapes = {
        "latents": (2, FRAMES, channels, side, side),
        "portrait": (2, channels, side, side),
        "audio": (2, FRAMES, 5, 12, AUDIO_DIM),
        "motion": (2, MEMORY, channels, side, side),
    }
    made = {name: torch.from_numpy(1.7 * formula(name, shape)) for name, shape in shapes.items()}
    made["timesteps"] = torch.tensor([3.0, 777.0])
    return made if memory else {name: value for name, value in made.items() if name != "motion"}


def released_shapes(variant: str, size: str, patch: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the release's network, without its fixed positions."""
    dim, channels = SIZES[size][0], 32 if variant == "linear" else 4
    layers = {"t_embedder.mlp.0": (dim, 256), "t_embedder.mlp.2": (dim, dim)}
    layers |= {"final_layer.linear": (patch**2 * 2 * channels, dim), "final_layer.adaLN_modulation.1": (2 * dim, dim)}
    layers["x_embedder.proj"] = (dim, channels, patch, patch)
    bare = {}
    for block in (f"blocks.{i}." for i in range(DEPTH)):
        layers |= {f"{block}temporal_attn.qkv": (3 * dim, dim), f"{block}temporal_attn.proj": (dim, dim)}
        layers |= {f"{block}temporal_fc": (dim, dim), f"{block}temporal_norm1": (dim,)}
        layers |= {f"{block}cross_attn.proj": (dim, dim), f"{block}adaLN_modulation.1": (6 * dim, dim)}
        layers[f"{block}attn.proj"] = (dim, dim)
        bare[f"{block}cross_attn.q_proj"] = (dim, dim)
        bare |= dict.fromkeys((f"{block}cross_attn.k_proj", f"{block}cross_attn.v_proj"), (dim, AUDIO_DIM))
        if variant == "linear":
            bare[f"{block}attn.qkv"] = (3 * dim, dim)
            layers[f"{block}mlp.inverted_conv.conv"] = (8 * dim, dim, 1, 1)
            layers[f"{block}mlp.depth_conv.conv"] = (8 * dim, 1, 3, 3)
            bare[f"{block}mlp.point_conv.conv"] = (dim, 4 * dim, 1, 1)
        else:
            layers[f"{block}attn.qkv"] = (3 * dim, dim)
            layers |= {f"{block}mlp.fc1": (4 * dim, dim), f"{block}mlp.fc2": (dim, 4 * dim)}
    return {f"{name}.weight": shape for name, shape in (layers | bare).items()} | {
        f"{name}.bias": shape[:1] for name, shape in layers.items()
    }


def projector_shapes() -> dict[str, tuple[int, ...]]:
    outputs = {"proj1": (AUDIO_HIDDEN, 60 * AUDIO_DIM), "proj2": (AUDIO_HIDDEN,) * 2}
    outputs |= {"proj3": (AUDIO_TOKENS * AUDIO_DIM, AUDIO_HIDDEN), "norm": (AUDIO_DIM,)}
    weights = {f"{name}.weight": shape for name, shape in outputs.items()}
    return weights | {f"{name}.bias": shape[:1] for name, shape in outputs.items()}


def release(variant: str, size: str, patch: int) -> ReleasedWeights:
    """A checkpoint of the release with weights from the formula."""
    dim = SIZES[size][0]
    state = {name: weight(name, shape) for name, shape in released_shapes(variant, size, patch).items()}
    state["pos_embed"] = sincos_2d(SIDE, SIDE, dim)[None]
    name, frames = ("temp_embed", FRAMES) if variant == "short" else ("long_temp_embed", MEMORY + FRAMES)
    state[name] = sincos_1d(torch.arange(frames), dim)[None]
    projector = {name: weight(name, shape) for name, shape in projector_shapes().items()}
    return ReleasedWeights(Path("formula.ckpt"), {"ema": state}, projector)


def ours(variant: str, size: str, patch: int) -> Tensor:
    """What our network says with the release's weights."""
    checkpoint = release(variant, size, patch)
    config = infer_config(checkpoint, frames=FRAMES)
    assert (config.preset, config.patch_size, config.family == "linear") == (size, patch, variant == "linear")
    assert (config.motion_frames, config.audio_tokens) == (0 if variant == "short" else MEMORY, AUDIO_TOKENS)
    latent = infer_latent_shape(checkpoint)
    model = build_model(config, latent, speech_shape(checkpoint))
    model.load_state_dict(convert_weights(checkpoint, config)["ema"])
    given = inputs(latent[0], patch, config.motion_frames > 0)
    kept = torch.ones(2, dtype=torch.bool)
    conditions = Conditions(given["portrait"], given["audio"], given.get("motion"), kept, kept)
    with torch.no_grad():
        return model(given["latents"], given["timesteps"], conditions)


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Reduced depth, and no time spent on weights that are replaced."""
    for name, (dim, heads) in SIZES.items():
        patch.setitem(PRESETS, name, Size(DEPTH, dim, heads))
    for init in ("xavier_uniform_", "kaiming_uniform_", "normal_"):
        patch.setattr(torch.nn.init, init, lambda tensor, *_, **__: tensor)


def summary(output: Tensor) -> dict[str, object]:
    """Eight values of an output, and its mean magnitude."""
    values = output.flatten()[:: output.numel() // 8][:8].tolist()
    return {"values": [round(value, 6) for value in values], "magnitude": round(output.abs().mean().item(), 7)}


QUICK = [case for case in CASES if case[1] == "S" or case[2] == 2]
SLOW = [pytest.param(*case, marks=pytest.mark.slow) for case in CASES if case not in QUICK]


@pytest.mark.parametrize(("variant", "size", "patch"), [*QUICK, *SLOW], ids=lambda value: str(value))
def test_same_outputs_as_the_released_network(
    variant: str, size: str, patch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch)
    recorded = json.loads(RECORDED.read_text())["cases"][f"{variant} {size}/{patch}"]
    got = summary(ours(variant, size, patch))
    largest = max(map(abs, recorded["values"]))
    assert got["values"] == pytest.approx(recorded["values"], abs=1e-4 * largest)
    assert got["magnitude"] == pytest.approx(recorded["magnitude"], rel=1e-5)


def test_every_size_variant_and_patch_agreed_as_a_whole_when_recorded() -> None:
    cases = json.loads(RECORDED.read_text())["cases"]
    assert set(cases) == {f"{variant} {size}/{patch}" for variant, size, patch in CASES}
    assert max(case["largest_difference"] / case["largest_value"] for case in cases.values()) < 1e-4
