"""A checkpoint of LetsTalk's released short-clip model in size S with random numbers, to measure its readers.

It contains a network of lt_bench with the release's names, from the table that ``lt-bench import-checkpoint`` uses.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.positions import sincos_1d, sincos_2d
from lt_bench.models.presets import PRESETS
from lt_bench.models.release import names

LATENT, SPEECH, PATCH = (4, 16, 16), (12, 768), 2


def write_released(path: Path) -> None:
    """Write the file with the network, its average, and the audio projector."""
    config = ModelConfig(
        preset="S", fusion=FusionConfig("symbiotic", "direct"), patch_size=PATCH, motion_frames=0, learn_sigma=True
    )
    dim, side = PRESETS["S"].dim, LATENT[1] // PATCH
    network: dict[str, Tensor] = {"pos_embed": sincos_2d(side, side, dim)[None]}
    network["temp_embed"] = sincos_1d(torch.arange(config.frames), dim)[None]
    audio: dict[str, Tensor] = {}
    for name, tensor in build_model(config, LATENT, SPEECH).state_dict().items():
        module, _, rest = name.partition(".")
        if name in names.ABSENT:
            continue
        if module == "audio_projector":
            audio[names.released_projector_name(rest)] = tensor
        else:
            theirs = names.released_names(name)
            network |= dict(zip(theirs, tensor.chunk(len(theirs)), strict=True))
    weight = "x_embedder.proj.weight"
    network[weight] = network[weight].reshape(dim, LATENT[0], PATCH, PATCH)
    average = {name: tensor.clone() for name, tensor in network.items()}
    torch.save({"model": network, "ema": average, "audioproj": audio}, path)
