"""Construction of a network from a config."""

from __future__ import annotations

from lt_bench.config import ModelConfig
from lt_bench.models.letstalk import LetsTalk


def build_model(config: ModelConfig, latent_shape: tuple[int, int, int], speech_shape: tuple[int, int]) -> LetsTalk:
    """Build a LetsTalk with fresh weights.

    Args:
        config: sizes and fusion schemes.
        latent_shape: channels, height, width of a latent.
        speech_shape: layers and features of the speech encoder.

    Raises:
        ConfigError: a size does not fit the latents, or a fusion, family or order is unknown.
    """
    return LetsTalk(config, latent_shape, speech_shape)
