"""Availability of the codec and the speech encoder of a data configuration."""

from __future__ import annotations

from lt_bench.assets.store import asset_path
from lt_bench.config import DataConfig
from lt_bench.errors import AssetError
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.codecs.taef2 import DECODER, ENCODER
from lt_bench.perception.speech.base import build_speech_encoder
from lt_bench.perception.speech.moonshine import WEIGHTS as MOONSHINE

CODEC_ENCODERS, CODEC_DECODERS = {"taef2": (ENCODER,)}, {"taef2": (DECODER,)}
SPEECH_ENCODERS = {"moonshine": (MOONSHINE,)}


def check_networks(config: DataConfig, decode: bool) -> None:
    """Check that the codec and the speech encoder of a data configuration can be used.

    Args:
        config: data configuration that names them.
        decode: whether latents are also decoded; preparing a cache only encodes.

    Raises:
        AssetError: an asset is missing; the message names it, the key that needs it, and the command that gets it.
        ConfigError: a name is unknown, or a folder of weights does not exist.
    """
    codec = (*CODEC_ENCODERS.get(config.codec, ()), *(CODEC_DECODERS.get(config.codec, ()) if decode else ()))
    for key, assets in (("codec", codec), ("speech_encoder", SPEECH_ENCODERS.get(config.speech_encoder, ()))):
        try:
            for name in assets:
                asset_path(name)
        except AssetError as error:
            raise AssetError(f"key 'data.{key}': {error}") from None
    # The hash of a network in the user's folder is computed from its files, so computing it checks that they exist.
    _ = build_codec(config.codec).hash, build_speech_encoder(config.speech_encoder).hash
