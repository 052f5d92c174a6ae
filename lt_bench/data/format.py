"""Latent cache format, version 1: content of ``cache.json`` and of a row of ``index.parquet``."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lt_bench.conventions import FPS, Split
from lt_bench.errors import CacheError, ConfigError, short
from lt_bench.scaling import LatentScaling
from lt_bench.versions import body_of, check_version

FORMAT = "lt_bench latent cache"
VERSION = 1
ROLES = ("clip", "gallery")
CACHE_FILE = "cache.json"
INDEX_FILE = "index.parquet"
JOURNAL_FILE = "journal.jsonl"
REJECTED_FILE = "rejected.json"
ID_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}")

Role = Literal["clip", "gallery"]


@dataclass(frozen=True)
class CodecInfo:
    """The codec that encoded the latents."""

    name: str
    hash: str
    channels: int
    factor: int
    """Pixels per latent pixel."""
    mean: tuple[float, ...]
    """Mean per channel of raw latents; with ``std`` the only scaling, applied on load."""
    std: tuple[float, ...]


@dataclass(frozen=True)
class SpeechInfo:
    """The speech encoder that computed the audio features."""

    name: str
    hash: str
    layers: int
    dim: int


@dataclass(frozen=True)
class CacheInfo:
    """The content of ``cache.json``."""

    dataset: str
    codec: CodecInfo
    speech: SpeechInfo
    resolution: int
    """Side of the square frames, in pixels."""
    latent_shape: tuple[int, int, int]
    """Channels, height, width."""
    landmark_set: Literal["mediapipe478", "synthetic"]
    source_hash: str
    """SHA-256 over the list of sources and the version of the preparation's rules."""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Keys of the data configuration that affect the content, to describe a difference."""
    fps: int = FPS
    dtype: Literal["float16"] = "float16"
    """Type of the stored raw latents and audio features."""

    @property
    def scaling(self) -> LatentScaling:
        """Return the codec's scaling of raw latents."""
        return LatentScaling(self.codec.mean, self.codec.std)


@dataclass(frozen=True)
class ClipQuality:
    """Measurements of the prepared clip; None if there is nothing to measure (silence has no loudness)."""

    face_share: float
    """Share of the frames with a face, 0..1."""
    face_size: float
    """Median height of the face in the source's pixels."""
    sharpness: float
    """Median variance of the Laplacian of the luma (0..255) of the prepared frames, resized to 128 pixels."""
    luma: float
    """Mean luma of the prepared frames, 0..255."""
    loudness_db: float | None
    """RMS level of the sound, dB of full scale."""
    several_faces: float = 0.0
    """Share of the frames with more than one face, 0..1."""
    invented: float = 0.0
    """Share of the crop beyond the source's border, where border pixels are repeated, 0..1."""
    speech_share: float | None = None
    """Share of the time with speech, 0..1; None for rendered clips."""
    offset: float | None = None
    """Frames by which the lips come late (positive) or early; None if not measured. ``settings`` of ``cache.json`` name
    the method."""
    sync_score: float | None = None
    """Correlation of mouth and voice by ``lip_sync_open``, or Sync-C by SyncNet; None if not measured."""


@dataclass(frozen=True)
class ClipRecord:
    """One row of the index."""

    id: str
    identity: str
    split: Split
    role: Role
    frames: int
    source: str
    """File name, asset name or generator specification of the clip's source."""
    crop: tuple[float, float, float, float] | None
    """x0, y0, x1, y1 of the square crop in the source's pixels; None for rendered clips."""
    quality: ClipQuality
    file: str
    """Path relative to the cache."""
    sha256: str
    bytes: int
    roll: float = 0.0
    """Clockwise rotation of the crop about its center, in degrees."""


def clip_file(clip_id: str) -> str:
    """Return the path of a clip's tensors, relative to the cache."""
    return f"clips/{clip_id}.safetensors"


def check_id(clip_id: str) -> str:
    """Return ``clip_id`` if it is a plain file name stem.

    Raises:
        CacheError: the id is not a plain file name stem.
    """
    if not ID_PATTERN.fullmatch(clip_id):
        raise CacheError(f"clip id: expected letters, digits, '.', '_' or '-' (at most 150), got {clip_id[:200]!r}")
    return clip_id


def info_to_dict(info: CacheInfo) -> dict[str, Any]:
    """Convert the information of a cache to the document of ``cache.json``."""
    from lt_bench.config import to_dict

    return {"format": FORMAT, "version": VERSION, **to_dict(info)}


def info_from_dict(document: Any, source: Path) -> CacheInfo:
    """Check and read the document of ``cache.json``.

    Raises:
        CacheError: it has another format or version, or a key is wrong.
    """
    from lt_bench.config import parse_config

    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CacheError(f"{source}: expected format '{FORMAT}', got something else")
    check_version(document, str(source), VERSION, error=CacheError)
    try:
        info = parse_config(CacheInfo, body_of(document), str(source))
        LatentScaling(info.codec.mean, info.codec.std)
    except ConfigError as error:
        raise CacheError(str(error)) from None
    except ValueError as error:
        raise CacheError(f"{source}: key 'codec': {error}") from None
    if info.codec.factor < 1 or info.resolution < 1:
        raise CacheError(f"{source}: expected a factor and a resolution of at least 1 pixel, got others")
    side = info.resolution // info.codec.factor
    if info.latent_shape != (info.codec.channels, side, side) or len(info.codec.mean) != info.codec.channels:
        raise CacheError(
            f"{source}: key 'latent_shape': expected [{info.codec.channels}, {side}, {side}], got {info.latent_shape}"
        )
    if info.fps != FPS:
        raise CacheError(f"{source}: key 'fps': expected {FPS}, got {info.fps}")
    return info


OTHER_SETTINGS_REMEDY = "name another folder (data.cache, or --out of prepare), or remove this one"
"""Remedy for a cache with other settings."""


def difference(found: CacheInfo, expected: CacheInfo) -> str | None:
    """Return the first key in which two caches differ, as ``key: expected .., got ..``; None if they agree."""
    old, new = _flat(info_to_dict(found)), _flat(info_to_dict(expected))
    for key in sorted(old.keys() | new.keys(), key=_telling_first):
        if old.get(key) != new.get(key):
            if key == "source_hash":
                return "source_hash: the list of sources (names, sizes) or the rules of preparation have changed"
            name = key.removeprefix("settings.")
            return f"{name}: expected {short(new.get(key))}, got {short(old.get(key))}"
    return None


def _telling_first(key: str) -> tuple[int, str]:
    """Order keys by user settings first, then derived values, then hashes."""
    chosen = ("dataset", "resolution", "codec.name", "speech.name")
    rank = chosen.index(key) if key in chosen else 4 if key.startswith("settings.") else 6 if "hash" in key else 5
    return rank, key


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
