"""What a configuration's cache says of itself, and what must be here before it is made."""

from __future__ import annotations

from typing import Any

from data_prep.datasets.registry import data_set_class
from data_prep.extraction.crop_methods import CROP_METHODS
from data_prep.filters.lip_sync import require_meter
from data_prep.resolved import ResolvedConfig
from lt_bench.assets.store import asset_path
from lt_bench.config import DataConfig, to_dict
from lt_bench.data.format import CacheInfo, CodecInfo, SpeechInfo
from lt_bench.errors import AssetError, ConfigError
from lt_bench.media.video_writer import check_encoders
from lt_bench.models.codecs.base import Codec, build_codec
from lt_bench.models.requirements import check_networks
from lt_bench.perception.face_embedding import WEIGHTS as PERSON_ASSET
from lt_bench.perception.faces import WEIGHTS as FACE_ASSET
from lt_bench.perception.speech.base import SpeechEncoder, build_speech_encoder
from lt_bench.plugins import plugins_defining

RENDERED_ONLY = "ae_rendered_f32"
"""The codec that fits rendered faces only."""


def describe_cache(config: ResolvedConfig, source_hash: str) -> CacheInfo:
    """What ``cache.json`` of this configuration says.

    Raises:
        ConfigError: the resolution does not fit the codec, or a name is unknown.
        AssetError: weights are missing.
    """
    _check_names(config)
    codec, speech = build_codec(config.codec), build_speech_encoder(config.speech_encoder)
    side, factor = config.resolution, codec.factor
    if side % factor or side % 2 or not 32 <= side <= 2048:
        raise ConfigError(
            f"resolution: expected an even multiple of {factor} (codec {codec.name}) from 32 to 2048, got {side}"
        )
    return CacheInfo(
        dataset=config.dataset,
        codec=CodecInfo(codec.name, codec.hash, codec.channels, factor, codec.scaling.mean, codec.scaling.std),
        speech=SpeechInfo(speech.name, speech.hash, speech.layers, speech.dim),
        resolution=side,
        latent_shape=(codec.channels, side // factor, side // factor),
        landmark_set="synthetic" if data_set_class(config.dataset).rendered else "mediapipe478",
        source_hash=source_hash,
        settings=_settings(config, codec, speech),
    )


def require_assets(config: ResolvedConfig) -> None:
    """Check that all networks that preparing needs are here, and the encoders, before anything is spent.

    Raises:
        AssetError: names the missing one and the command that gets it.
        ConfigError: the codec is not for real faces.
        MediaError: videos cannot be written.
    """
    _check_names(config)
    check_networks(config, decode=False)
    check_encoders()
    if data_set_class(config.dataset).rendered:
        return
    asset_path(FACE_ASSET)
    if config.quality.max_person_distance is not None:
        try:
            asset_path(PERSON_ASSET)
        except AssetError as error:
            without = "or do without the check of who is seen: quality.max_person_distance=null"
            raise AssetError(f"{error}; {without}") from None
    require_meter(config.quality)


def _check_names(config: DataConfig) -> None:
    CROP_METHODS.check(config.crop.method, "crop.method")
    if config.codec == RENDERED_ONLY and not data_set_class(config.dataset).rendered:
        raise ConfigError(
            f"codec: expected one for real faces (taef2, dct, kl:PATH or dc:PATH), got {RENDERED_ONLY}, which was "
            "trained on rendered faces"
        )


def _settings(config: ResolvedConfig, codec: Codec, speech: SpeechEncoder) -> dict[str, Any]:
    if data_set_class(config.dataset).rendered:
        settings, used = {"synthetic": to_dict(config.synthetic)}, [type(codec), type(speech)]
    else:
        assert config.quality.max_offset is None or config.quality.offset_by != "auto"
        settings = {"crop": to_dict(config.crop), "quality": to_dict(config.quality)}
        used = [type(codec), type(speech), CROP_METHODS.get(config.crop.method)]
    plugins = plugins_defining(*used)
    return {**settings, **({"plugins": plugins} if plugins else {})}
