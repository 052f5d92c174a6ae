"""Against recorded outputs of the network that LetsTalk's authors released.

Weights and inputs come from a formula, so that only numbers are recorded: the released networks ``model_cat`` (no
memory) and ``model_cat_long`` (two memory frames) ran in float64 with 2 blocks, width 48, 4 heads, patch 2, latents of
4x8x8, 4 frames and 6 audio tokens of 20 features; every 273rd value of their outputs is kept.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lt_bench.config import ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.models.presets import PRESETS, Size

RECORDED = {
    0: ([-0.634349, 1.323425, 0.523643, -0.223698, -1.028844, -1.09155, -0.66195, -0.923283, -0.948796, -1.788156,
         -0.874275, -1.888425, -0.963283, -0.395852, 0.644932, -1.088728], 0.8904837001568443),
    2: ([-0.482, 1.636272, 0.630482, -0.172072, -1.497283, -1.126896, -0.886421, -0.829123, -1.031443, -1.702102,
         -0.910914, -1.8145, -0.802899, -0.261354, 0.794154, -1.103581], 0.8853236137706777),
}  # fmt: skip
"""Motion frames -> (values, mean magnitude)."""


def wave(shape: tuple[int, ...], phase: int) -> Tensor:
    k = torch.arange(math.prod(shape), dtype=torch.float64)
    chirp = (0.0013 * k * k) % 6.283185307179586
    return (1.4142135 * torch.sin(0.37 * k + chirp + phase)).reshape(shape).float()


def set_weights(model: nn.Module) -> None:
    with torch.no_grad():
        for index, (_, parameter) in enumerate(sorted(model.named_parameters())):
            scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.3
            parameter.copy_(wave(tuple(parameter.shape), index) * scale)


@pytest.mark.parametrize("motion_frames", [0, 2])
def test_same_outputs_as_the_released_network(motion_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", Size(depth=2, dim=48, heads=4))
    config = ModelConfig(
        preset="tiny", frames=4, motion_frames=motion_frames, audio_tokens=6, audio_token_dim=20, audio_hidden=24
    )
    model = build_model(config, (4, 8, 8), (3, 10))
    set_weights(model)
    kept = torch.ones(2, dtype=torch.bool)
    motion = wave((2, motion_frames, 4, 8, 8), 4) if motion_frames else None
    conditions = Conditions(wave((2, 4, 8, 8), 2), wave((2, 4, 5, 3, 10), 3), motion, kept, kept)
    with torch.no_grad():
        output = model(wave((2, 4, 4, 8, 8), 1), torch.tensor([3.0, 777.0]), conditions)
    values, magnitude = RECORDED[motion_frames]
    torch.testing.assert_close(output.flatten()[:: output.numel() // 15], torch.tensor(values), rtol=1e-4, atol=1e-4)
    assert output.abs().mean().item() == pytest.approx(magnitude, rel=1e-5)
