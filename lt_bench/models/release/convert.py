"""Conversion of a checkpoint of the release to a model file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lt_bench.config import DataConfig, DiffusionConfig, ModelConfig, RunConfig, SamplingConfig, TrainConfig
from lt_bench.errors import CheckpointError, ConfigError
from lt_bench.models.build import build_model
from lt_bench.models.checkpoint import ModelCard, save_model
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.positions import sincos_1d, sincos_2d
from lt_bench.models.release import names
from lt_bench.models.release.file import ReleasedWeights, read_release
from lt_bench.models.release.shape import infer_config, infer_latent_shape, speech_shape
from lt_bench.perception.speech.base import build_speech_encoder
from lt_bench.scaling import LatentScaling

SD_VAE, SD_VAE_SCALE, SD_VAE_FACTOR, SD_VAE_CHANNELS = "kl:stabilityai/sd-vae-ft-mse", 0.18215, 8, 4
WAV2VEC2 = "wav2vec2:facebook/wav2vec2-base-960h"
TOLERANCE = 0.02
"""Tolerance of fixed positions, which a checkpoint can store in bfloat16."""


@dataclass(frozen=True)
class ImportOptions:
    """Information that a checkpoint does not contain."""

    preset: str | None = None
    """Size; None to infer it from the hidden size."""
    frames: int = 16
    """Number of frames of a window."""
    codec: str | None = None
    """Codec, as a configuration names it; None for Stable Diffusion's autoencoder, whose weights are then not
    pinned."""
    speech_encoder: str | None = None
    """Speech encoder, as a configuration names it; None for wav2vec2-base-960h, whose weights are then not pinned."""


def import_letstalk(
    path: str | os.PathLike[str], out: str | os.PathLike[str], options: ImportOptions | None = None
) -> ModelCard:
    """Write the model file of a checkpoint of the release; see ``read_release`` and ``infer_config``.

    Raises:
        CheckpointError: the file is not such a checkpoint, or a tensor is unknown, missing or has another shape.
        ConfigError: the codec must be named.
        AssetError: a named codec or speech encoder is missing.
    """
    options = options or ImportOptions()
    release = read_release(path)
    config = infer_config(release, options.preset, options.frames)
    latent = infer_latent_shape(release)
    weights = convert_weights(release, config)
    card = _card(release, config, latent, options, sum(t.numel() for t in next(iter(weights.values())).values()))
    save_model(out, card, weights)  # type: ignore[arg-type]
    return card


def convert_weights(release: ReleasedWeights, config: ModelConfig) -> dict[str, dict[str, Tensor]]:
    """Convert state dicts to those of lt_bench's network, float32, by kind of weights.

    The release trains without dropped conditions; the tokens that replace them are zero.

    Raises:
        CheckpointError: a tensor is unknown, missing or has another shape; the message names it.
    """
    with torch.device("meta"):
        expected = build_model(config, infer_latent_shape(release), speech_shape(release)).state_dict()
    return {
        kind: _convert(release.path, state, release.projector, expected, config)
        for kind, state in release.networks.items()
    }


def _convert(
    path: Path,
    state: Mapping[str, Tensor],
    projector: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    config: ModelConfig,
) -> dict[str, Tensor]:
    _check_positions(path, state, config)
    theirs = {**state, **{f"audioproj.{name}": value for name, value in projector.items()}}
    left = set(theirs) - set(names.FIXED)
    converted = {}
    for name, like in expected.items():
        sources = _sources(name)
        for source in sources:
            if source not in theirs:
                raise CheckpointError(f"{path}: expected tensor '{source}', got none")
        left -= set(sources)
        converted[name] = _joined(path, [(s, theirs[s]) for s in sources], like) if sources else torch.zeros(like.shape)
    if left:
        raise CheckpointError(f"{path}: expected no tensor '{min(left)}' in a network of this kind, got one")
    return converted


def _sources(name: str) -> tuple[str, ...]:
    if name in names.ABSENT:
        return ()
    module, _, rest = name.partition(".")
    if module == "audio_projector":
        return (f"audioproj.{names.released_projector_name(rest)}",)
    return names.released_names(name)


def _joined(path: Path, parts: list[tuple[str, Tensor]], like: Tensor) -> Tensor:
    rows = like.shape[0] // len(parts)
    fitted = []
    for name, tensor in parts:
        flat = tensor.flatten(1) if tensor.ndim == 4 and like.ndim == 2 else tensor  # a 1x1 or patch convolution
        shape = (rows, *like.shape[1:])
        if flat.shape != shape:
            raise CheckpointError(
                f"{path}: tensor '{name}': expected shape {list(shape)}, got {list(flat.shape)} of {list(tensor.shape)}"
            )
        fitted.append(flat.float())
    return torch.cat(fitted) if len(fitted) > 1 else fitted[0]


def _check_positions(path: Path, state: Mapping[str, Tensor], config: ModelConfig) -> None:
    for name in names.FIXED:
        if name not in state:
            continue
        count, dim = state[name].shape[1:]
        side = round(count**0.5)
        made = sincos_2d(side, side, dim) if name == "pos_embed" else sincos_1d(torch.arange(count), dim)
        if made.shape != state[name].shape[1:] or (made - state[name][0].float()).abs().max() > TOLERANCE:
            raise CheckpointError(f"{path}: tensor '{name}': expected fixed sin-cos positions, got others")


def _card(
    release: ReleasedWeights,
    config: ModelConfig,
    latent: tuple[int, int, int],
    options: ImportOptions,
    parameters: int,
) -> ModelCard:
    codec_name, codec_hash, scaling, factor = _codec(latent[0], options.codec)
    speech_hash = build_speech_encoder(options.speech_encoder).hash if options.speech_encoder else ""
    speech = options.speech_encoder or WAV2VEC2
    resolution = latent[1] * factor
    return ModelCard(
        config=RunConfig(
            data=DataConfig("folder", cache="", resolution=resolution, codec=codec_name, speech_encoder=speech),
            model=config,
            diffusion=DiffusionConfig(schedule="linear", prediction="epsilon"),
            # These are the release's training settings; a checkpoint does not record how long it was trained.
            train=TrainConfig(
                gradient_clip=0.1,
                motion_timesteps=50 if config.motion_frames else 0,
                motion_mask=0.25 if config.motion_frames else 0.0,
                freeze_audio_projector=True,
                clip_before_backward=True,
            ),
            sampling=SamplingConfig(sampler="ddpm", steps=250, weights="ema" if "ema" in release.networks else "raw"),
        ),
        latent_shape=latent,
        resolution=resolution,
        codec=codec_name,
        codec_hash=codec_hash,
        scaling=scaling,
        speech_encoder=speech,
        speech_hash=speech_hash,
        speech_shape=speech_shape(release),
        dataset="",
        landmark_set="",
        cache_hash="",
        parameters=parameters,
        steps=0,
        seconds=0.0,
        peak_memory=0,
    )


def _codec(channels: int, spec: str | None) -> tuple[str, str, LatentScaling, int]:
    if spec is None:
        if channels != SD_VAE_CHANNELS:
            raise ConfigError(
                f"--codec: expected the autoencoder of its {channels}-channel latents (such as dc:PATH), which the "
                "checkpoint does not name, got none"
            )
        scaling = LatentScaling((0.0,) * channels, (1 / SD_VAE_SCALE,) * channels)
        return SD_VAE, "", scaling, SD_VAE_FACTOR
    codec = build_codec(spec)
    if codec.channels != channels:
        raise ConfigError(f"--codec: expected an autoencoder of {channels} channels, got {codec.channels} of '{spec}'")
    return spec, codec.hash, codec.scaling, codec.factor
