"""Availability of the codec and the speech encoder of a data configuration."""

from __future__ import annotations

from lt_bench.assets.store import asset_path
from lt_bench.config import DataConfig
from lt_bench.errors import AssetError
from lt_bench.models.codecs.base import build_codec
from lt_bench.perception.speech.base import build_speech_encoder


def check_networks(config: DataConfig, decode: bool) -> None:
    """Check that the codec and the speech encoder of a data configuration can be used.

    Args:
        config: data configuration that names them.
        decode: whether latents are also decoded; preparing a cache only encodes.

    Raises:
        AssetError: an asset is missing; the message names it, the key that needs it, and the command that gets it.
        ConfigError: a name is unknown, or a folder of weights does not exist.
    """
    codec, speech = build_codec(config.codec), build_speech_encoder(config.speech_encoder)
    codec_assets = (*codec.encoder_assets, *(codec.decoder_assets if decode else ()))
    for key, assets in (("codec", codec_assets), ("speech_encoder", speech.assets)):
        try:
            for name in assets:
                asset_path(name)
        except AssetError as error:
            raise AssetError(f"key 'data.{key}': {error}") from None
    # The hash of networks in a user's own folder is that of their files, so computing it shows whether they exist.
    _ = codec.hash, speech.hash
