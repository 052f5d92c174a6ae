"""A checkpoint of LetsTalk's released short-clip model in size S, of random numbers, for measuring what reads one."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lt_bench.models.positions import sincos_1d, sincos_2d

DIM, DEPTH, FRAMES, CHANNELS, GRID, AUDIO, TOKENS, HIDDEN = 384, 12, 16, 4, 16, 768, 32, 512


def block(number: int) -> dict[str, tuple[int, ...]]:
    """Shapes of the weights of a block."""
    layers = {
        "attn.qkv": (3 * DIM, DIM),
        "attn.proj": (DIM, DIM),
        "mlp.fc1": (4 * DIM, DIM),
        "mlp.fc2": (DIM, 4 * DIM),
        "adaLN_modulation.1": (6 * DIM, DIM),
        "temporal_norm1": (DIM,),
        "temporal_attn.qkv": (3 * DIM, DIM),
        "temporal_attn.proj": (DIM, DIM),
        "temporal_fc": (DIM, DIM),
        "cross_attn.proj": (DIM, DIM),
    }
    return {f"blocks.{number}.{name}": shape for name, shape in layers.items()}


def network() -> dict[str, Tensor]:
    """The network under the release's names."""
    shapes: dict[str, tuple[int, ...]] = {
        "x_embedder.proj": (DIM, CHANNELS, 2, 2),
        "t_embedder.mlp.0": (DIM, 256),
        "t_embedder.mlp.2": (DIM, DIM),
        "final_layer.linear": (8 * CHANNELS, DIM),
        "final_layer.adaLN_modulation.1": (2 * DIM, DIM),
    }
    for number in range(DEPTH):
        shapes |= block(number)
    state = {f"{name}.weight": 0.02 * torch.randn(shape) for name, shape in shapes.items()}
    state |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    for number in range(DEPTH):
        state[f"blocks.{number}.cross_attn.q_proj.weight"] = 0.02 * torch.randn(DIM, DIM)
        state |= {f"blocks.{number}.cross_attn.{k}_proj.weight": 0.02 * torch.randn(DIM, AUDIO) for k in "kv"}
    state["temp_embed"] = sincos_1d(torch.arange(FRAMES), DIM)[None]
    return state | {"pos_embed": sincos_2d(GRID // 2, GRID // 2, DIM)[None]}


def write(path: Path) -> None:
    """The file: the network, its average, and the projection of the audio."""
    shapes = {"proj1": (HIDDEN, 5 * 12 * AUDIO), "proj2": (HIDDEN, HIDDEN), "proj3": (TOKENS * AUDIO, HIDDEN)}
    audio = {f"{name}.weight": 0.02 * torch.randn(shape) for name, shape in shapes.items()}
    audio |= {f"{name}.bias": torch.zeros(shape[0]) for name, shape in shapes.items()}
    audio |= {"norm.weight": torch.ones(AUDIO), "norm.bias": torch.zeros(AUDIO)}
    torch.save({"model": network(), "ema": network(), "audioproj": audio}, path)
