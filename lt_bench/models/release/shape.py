"""Configuration of a network of the release, inferred from the shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.config.model import Preset
from lt_bench.errors import CheckpointError
from lt_bench.models.presets import PRESETS
from lt_bench.models.release.file import ReleasedWeights

SPEECH_LAYERS = 12
"""Layers of wav2vec2-base that the release's audio projector uses."""
AUDIO_WINDOW = 2
SHORT, LONG = "temp_embed", "long_temp_embed"
"""Temporal positions of the networks without and with memory."""


@dataclass(frozen=True)
class _Sizes:
    dim: int
    channels: int
    patch: int
    depth: int
    places: int


def infer_config(release: ReleasedWeights, preset: str | None = None, frames: int = 16) -> ModelConfig:
    """Infer the configuration of a network of the release.

    Args:
        release: checkpoint of the release.
        preset: size; None to infer it from the hidden size.
        frames: frames of a window; memory frames are the temporal positions before them.

    Raises:
        CheckpointError: a required tensor is missing, or no network of the release has its shape.
    """
    state = next(iter(release.networks.values()))
    sizes, positions, family = _sizes(release, state), _positions(release, state), _family(state)
    motion = positions - frames
    if motion < 0 or (motion and SHORT in state):
        raise CheckpointError(f"{release.path}: expected --frames of its window, got {frames} for {positions} frames")
    outputs = _shape(release, state, "final_layer.linear.weight")[0]
    learn_sigma = outputs == 2 * sizes.channels * sizes.patch**2
    hidden, inputs = _shape(release, release.projector, "proj1.weight")
    audio_outputs = _shape(release, release.projector, "proj3.weight")[0]
    audio_dim = _shape(release, release.projector, "norm.weight")[0]
    if inputs % ((2 * AUDIO_WINDOW + 1) * SPEECH_LAYERS) or audio_outputs % audio_dim:
        raise CheckpointError(
            f"{release.path}: tensor 'audioproj.proj1.weight': expected inputs of 5 frames with 12 layers, got {inputs}"
        )
    return ModelConfig(
        preset=_preset(release, sizes, preset),
        fusion=FusionConfig("symbiotic", "direct"),
        family=family,
        patch_size=sizes.patch,
        frames=frames,
        motion_frames=motion,
        audio_window=AUDIO_WINDOW,
        audio_tokens=audio_outputs // audio_dim,
        audio_token_dim=audio_dim,
        audio_hidden=hidden,
        learn_sigma=learn_sigma,
    )


def infer_latent_shape(release: ReleasedWeights) -> tuple[int, int, int]:
    """Infer channels, height and width of the latents, which are square in the release."""
    sizes = _sizes(release, next(iter(release.networks.values())))
    side = round(sizes.places**0.5) * sizes.patch
    return sizes.channels, side, side


def speech_shape(release: ReleasedWeights) -> tuple[int, int]:
    """Infer layers and features of the speech encoder."""
    inputs = _shape(release, release.projector, "proj1.weight")[1]
    return SPEECH_LAYERS, inputs // ((2 * AUDIO_WINDOW + 1) * SPEECH_LAYERS)


def _sizes(release: ReleasedWeights, state: Mapping[str, Tensor]) -> _Sizes:
    embedder = _shape(release, state, "x_embedder.proj.weight", 4)
    places = _shape(release, state, "pos_embed", 3)[1]
    layers = {int(found[1]) for name in state if (found := re.match(r"blocks\.(\d+)\.", name))}
    return _Sizes(embedder[0], embedder[1], embedder[2], max(layers, default=-1) + 1, places)


def _positions(release: ReleasedWeights, state: Mapping[str, Tensor]) -> int:
    return _shape(release, state, LONG if LONG in state else SHORT, 3)[1]


def _family(state: Mapping[str, Tensor]) -> Literal["softmax", "linear"]:
    return "linear" if "blocks.0.mlp.inverted_conv.conv.weight" in state else "softmax"


def _preset(release: ReleasedWeights, sizes: _Sizes, wanted: str | None) -> Preset:
    fitting = [name for name, size in PRESETS.items() if size.dim == sizes.dim and wanted in (None, name)]
    if not fitting:
        known = PRESETS[wanted].dim if wanted in PRESETS else ", ".join(str(size.dim) for size in PRESETS.values())
        raise CheckpointError(f"{release.path}: expected a hidden size of {known}, got {sizes.dim}")
    name = fitting[0]
    if PRESETS[name].depth != sizes.depth:
        raise CheckpointError(
            f"{release.path}: expected {PRESETS[name].depth} blocks of preset {name} (hidden size {sizes.dim}), "
            f"got {sizes.depth}"
        )
    return name  # type: ignore[return-value]


def _shape(
    release: ReleasedWeights, state: Mapping[str, Tensor], name: str, dimensions: int | None = None
) -> tuple[int, ...]:
    if name not in state:
        raise CheckpointError(f"{release.path}: expected tensor '{name}' of LetsTalk's release, got none")
    shape = tuple(state[name].shape)
    if dimensions is not None and len(shape) != dimensions:
        raise CheckpointError(f"{release.path}: tensor '{name}': expected {dimensions} dimensions, got {list(shape)}")
    return shape
