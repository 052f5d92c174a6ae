"""LetsTalk: a diffusion transformer over windows of video latents, guided by a portrait and a voice.

The backbone is that of the released LetsTalk (Zhang et al., arXiv 2411.16748), in its two families. One fusion scheme
per modality determines how the modality enters. ``docs/explanation/model.md`` lists all equations.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from lt_bench.config import ModelConfig
from lt_bench.errors import ConfigError
from lt_bench.models.block import BlockShape, FinalLayer
from lt_bench.models.conditions import Conditions, EncodedConditions, FusedCondition
from lt_bench.models.embedders import AudioProjector, PatchEmbedder, TimestepEmbedder, unpatchify
from lt_bench.models.families import FAMILIES
from lt_bench.models.fusion import Fusion, FusionShape, build_fusion
from lt_bench.models.orders import BLOCK_ORDERS
from lt_bench.models.positions import sincos_1d, sincos_2d
from lt_bench.models.presets import size_of
from lt_bench.models.tokens import WindowTokens
from lt_bench.shapes import AudioWindows, Bool, Float, Latent, Latents, Timesteps

MAX_FRAMES, MAX_TOKENS = 10_000, 65_536
"""Limits of a window and of one of its frames: ten times the largest practical size, to reject damaged model files."""


class LetsTalk(nn.Module):
    """Predicts the noise, clean latents or velocity of a window of noisy latents, as its objective defines."""

    space: Tensor
    moments: Tensor

    def __init__(self, config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]) -> None:
        """Build the network with fresh weights from PyTorch's global generator.

        Args:
            config: sizes and fusion schemes.
            latent_shape: channels, height, width of a latent.
            speech_shape: layers and features of the speech encoder.

        Raises:
            ConfigError: a size does not fit the latents, or a fusion, family or order is unknown.
        """
        super().__init__()
        _check(config, latent_shape)
        channels, self.height, self.width = latent_shape
        size, patch = size_of(config), config.patch_size
        rows, columns = self.height // patch, self.width // patch
        self.config = config
        self.latent_shape = latent_shape
        self.speech_shape = speech_shape
        self.out_channels = channels * (2 if config.learn_sigma else 1)

        self.patches = PatchEmbedder(channels, patch, size.dim)
        self.time = TimestepEmbedder(size.dim)
        self.null_portrait = nn.Parameter(torch.randn(size.dim) * 0.02)
        audio_inputs = (2 * config.audio_window + 1) * speech_shape[0] * speech_shape[1]
        self.audio_projector = AudioProjector(
            audio_inputs, config.audio_hidden, config.audio_tokens, config.audio_token_dim
        )
        block_shape = BlockShape(size.dim, size.heads, FAMILIES.get(config.family, "model.family")(), (rows, columns))
        order = BLOCK_ORDERS.get(config.order, "model.order")()
        places = order.places(size.depth)
        common = {"depth": places, "dim": size.dim, "heads": size.heads, "family": block_shape.family}
        self.portrait_fusion = build_fusion(
            config.fusion.portrait,
            FusionShape(
                "portrait", **common, tokens=rows * columns, token_dim=size.dim, embedded=True, grid=(rows, columns)
            ),
        )
        self.audio_fusion = build_fusion(
            config.fusion.audio,
            FusionShape(
                "audio", **common, tokens=config.audio_tokens, token_dim=config.audio_token_dim, embedded=False
            ),
        )
        self.blocks = nn.ModuleList(order.build(block_shape, last=place == places - 1) for place in range(places))
        self.final = FinalLayer(size.dim, patch * patch * self.out_channels)
        # Positions are fixed, so they are computed at construction and not saved.
        self.register_buffer("space", sincos_2d(rows, columns, size.dim), persistent=False)
        moments = torch.arange(config.motion_frames + config.frames)
        self.register_buffer("moments", sincos_1d(moments, size.dim), persistent=False)

    def encode_conditions(self, conditions: Conditions, portrait: FusedCondition | None = None) -> EncodedConditions:
        """Compute everything that is the same at every timestep; ``forward`` accepts the result instead of conditions.

        Args:
            conditions: conditions of a batch of windows.
            portrait: result of ``encode_portrait`` for the same portraits, to compute it only once per clip.
        """
        self._check_motion(conditions.motion)
        if portrait is None:
            portrait = self.encode_portrait(conditions.portrait, conditions.keep_portrait)
        return EncodedConditions(
            portrait=portrait,
            audio=self.encode_audio(conditions.audio, conditions.keep_audio),
            motion=None if conditions.motion is None else self._embed_frames(conditions.motion, 0),
        )

    def encode_portrait(self, portrait: Latent, keep: Bool[Tensor, " B"]) -> FusedCondition:
        """Compute the portrait's part of ``encode_conditions``, which is the same for every window of a clip."""
        return self.fuse(self.portrait_fusion, self._embed_portrait(portrait, keep))

    def encode_audio(self, audio: AudioWindows, keep: Bool[Tensor, " B"]) -> FusedCondition:
        """Compute the audio's part of ``encode_conditions``."""
        return self.fuse(self.audio_fusion, self.audio_projector(audio, keep))

    def fuse(self, fusion: Fusion, tokens: Float[Tensor, "B G N C"]) -> FusedCondition:
        """Encode tokens with a fusion scheme, and compute the contexts of tokens that never attend to the video."""
        fused = fusion.encode(tokens)
        if fused.apart is None:
            return fused
        contexts, x = [], fused.apart
        time = nn.functional.silu(self.time(x.new_zeros(1)))
        for block in self.blocks:
            x, context = block.advance(x, time)  # type: ignore[operator]
            contexts.append(context.unflatten(0, x.shape[:2]))
        return replace(fused, contexts=tuple(contexts))

    def forward(
        self, latents: Latents, timesteps: Timesteps, conditions: Conditions | EncodedConditions
    ) -> Float[Tensor, "B F out H W"]:
        """Predict from noisy latents.

        Args:
            latents: noisy scaled latents of the window.
            timesteps: in [0, 1000], larger is noisier.
            conditions: conditions, or the result of ``encode_conditions``.

        Returns:
            The prediction in the latents' channels, followed by the same number of variance channels with
            ``learn_sigma``.
        """
        encoded = self.encode_conditions(conditions) if isinstance(conditions, Conditions) else conditions
        video = self._embed_frames(latents, self.config.motion_frames)
        tokens = WindowTokens(video, encoded.motion, _join_streams(encoded, latents.shape[1]))
        time = nn.functional.silu(self.time(timesteps))
        for layer, block in enumerate(self.blocks):
            portrait = self.portrait_fusion.calls(layer, encoded.portrait)
            guides = portrait + self.audio_fusion.calls(layer, encoded.audio)
            contexts = [c.contexts[layer].flatten(0, 1) for c in (encoded.portrait, encoded.audio) if c.contexts]
            tokens = block(tokens, time, guides, contexts)
        return unpatchify(self.final(tokens.video, time), self.height, self.width, self.config.patch_size)

    def _embed_frames(self, latents: Latents, first: int) -> Float[Tensor, "B F N D"]:
        frames = latents.shape[1]
        if first + frames > len(self.moments):
            raise ValueError(f"latents: expected at most {len(self.moments) - first} frames, got {frames}")
        return self.patches(latents) + (self.space + self.moments[first : first + frames, None])

    def _embed_portrait(self, portrait: Latent, keep: Bool[Tensor, " B"]) -> Float[Tensor, "B 1 N D"]:
        patches = self.patches(portrait[:, None])
        return torch.where(keep[:, None, None, None], patches, self.null_portrait) + self.space

    def _check_motion(self, motion: Latents | None) -> None:
        given = 0 if motion is None else motion.shape[1]
        if given != self.config.motion_frames:
            raise ValueError(f"motion: expected {self.config.motion_frames} frames, got {given}")


def _join_streams(encoded: EncodedConditions, frames: int) -> Float[Tensor, "B F K D"] | None:
    streams = [
        _for_each_frame(fused, frames) for fused in (encoded.portrait, encoded.audio) if fused.stream is not None
    ]
    return torch.cat(streams, dim=2) if streams else None


def _for_each_frame(fused: FusedCondition, frames: int) -> Float[Tensor, "B F K D"]:
    assert fused.stream is not None
    return fused.stream.expand(-1, frames, -1, -1)


def _check(config: ModelConfig, latent_shape: tuple[int, int, int]) -> None:
    for key, least in (("patch_size", 1), ("frames", 1), ("motion_frames", 0), ("audio_window", 0)):
        if getattr(config, key) < least:
            raise ConfigError(f"model.{key}: expected at least {least}, got {getattr(config, key)}")
    for key in ("audio_tokens", "audio_token_dim", "audio_hidden"):
        if getattr(config, key) < 1:
            raise ConfigError(f"model.{key}: expected at least 1, got {getattr(config, key)}")
    _, height, width = latent_shape
    if height % config.patch_size or width % config.patch_size:
        raise ConfigError(f"model.patch_size: expected a divisor of {height} and {width}, got {config.patch_size}")
    frames, tokens = config.frames + config.motion_frames, (height // config.patch_size) * (width // config.patch_size)
    if frames > MAX_FRAMES or tokens > MAX_TOKENS:
        limits = f"at most {MAX_FRAMES} frames of {MAX_TOKENS} tokens"
        raise ConfigError(f"model.frames, patch_size: expected {limits}, got {frames} of {tokens}")
