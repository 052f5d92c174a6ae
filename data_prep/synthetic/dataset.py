"""The embedded synthetic data set: which clips it has, and how one is rendered.

Identities are disjoint between splits, and between these splits and the speakers that train and test the probe network
and the embedded codec: each purpose draws its speakers from its own block of seeds. Every clip starts near a pause, so
scores that compare mouth movements begin at frame ``performance.SETTLED``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data_prep.synthetic.clip import SyntheticClip, make_clip
from lt_bench.config import SyntheticConfig
from lt_bench.conventions import Split
from lt_bench.errors import ConfigError

Role = Literal["clip", "gallery"]
Purpose = Literal["train", "validation", "test", "probe_train", "probe_test", "codec_train", "codec_test"]

_BLOCK = 1_000_000_000
SPEAKER_SEEDS: dict[Purpose, range] = {
    "train": range(1 * _BLOCK, 2 * _BLOCK),
    "validation": range(2 * _BLOCK, 3 * _BLOCK),
    "test": range(3 * _BLOCK, 4 * _BLOCK),
    "probe_train": range(4 * _BLOCK, 5 * _BLOCK),
    "probe_test": range(5 * _BLOCK, 6 * _BLOCK),
    "codec_train": range(6 * _BLOCK, 7 * _BLOCK),
    "codec_test": range(7 * _BLOCK, 8 * _BLOCK),
}
"""The seeds of speakers, by what they are for; no two overlap."""
MAX_SPEAKERS = 100_000
"""Speakers a split at most; the seeds of one ``SyntheticConfig.seed`` are consecutive within so many."""
MAX_SEED = _BLOCK // MAX_SPEAKERS - 1
MIN_FRAMES = 16
MAX_HEAD_MOTION = 1.0
"""The liveliest heads that the probe and the embedded codec were trained on."""


@dataclass(frozen=True)
class SyntheticClipSpec:
    """All that is needed to render one clip."""

    id: str
    """Such as ``test_spk0007_take1``."""
    identity: str
    """Such as ``test_spk0007``."""
    split: Split
    role: Role
    """``gallery``: another scene of a person of the same split, for identity scores; never generated."""
    speaker: int
    """Seed of the identity."""
    take: int
    frames: int
    """Length at 25 fps."""
    head_motion: float = 0.4
    """Scales the motion of the head; see ``SyntheticConfig``."""


def speaker_seed(purpose: Purpose, index: int, seed: int = 0) -> int:
    """The seed of the ``index``-th speaker of a purpose, for one seed of the data set.

    Raises:
        ConfigError: the seed or the index is beyond what the block of the purpose holds.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"synthetic.seed: expected 0..{MAX_SEED}, got {seed}")
    if not 0 <= index < MAX_SPEAKERS:
        raise ConfigError(f"synthetic.{purpose}_speakers: expected at most {MAX_SPEAKERS}, got speaker {index}")
    return SPEAKER_SEEDS[purpose][seed * MAX_SPEAKERS + index]


def synthetic_clips(config: SyntheticConfig, resolution: int) -> list[SyntheticClipSpec]:
    """List the clips of the data set: train, then validation, then test.

    In the validation and test splits the last of several takes is the gallery; with a single take there is none.

    Args:
        config: numbers of speakers, takes and frames, and the seed.
        resolution: side of the frames in pixels, checked only.

    Raises:
        ConfigError: a number is out of range.
    """
    _check(config, resolution)
    sizes: dict[Split, tuple[int, int]] = {
        "train": (config.train_speakers, config.train_frames),
        "validation": (config.validation_speakers, config.test_frames),
        "test": (config.test_speakers, config.test_frames),
    }
    return [
        _spec(config, split, index, take, frames)
        for split, (speakers, frames) in sizes.items()
        for index in range(speakers)
        for take in range(config.takes)
    ]


def render(spec: SyntheticClipSpec, resolution: int) -> SyntheticClip:
    """Render a clip as a face crop of ``resolution`` x ``resolution`` pixels."""
    return make_clip(spec.speaker, spec.take, spec.frames, resolution, spec.head_motion)


def _spec(config: SyntheticConfig, split: Split, index: int, take: int, frames: int) -> SyntheticClipSpec:
    gallery = split != "train" and 0 < take == config.takes - 1
    identity = f"{split}_spk{index:04d}"
    return SyntheticClipSpec(
        id=f"{identity}_take{take}",
        identity=identity,
        split=split,
        role="gallery" if gallery else "clip",
        speaker=speaker_seed(split, index, config.seed),
        take=take,
        frames=frames,
        head_motion=config.head_motion,
    )


def _check(config: SyntheticConfig, resolution: int) -> None:
    if resolution % 4 or not 32 <= resolution <= 1024:
        raise ConfigError(f"resolution: expected a multiple of 4 from 32 to 1024, got {resolution}")
    for key in ("train_speakers", "validation_speakers", "test_speakers"):
        if not 0 <= getattr(config, key) <= MAX_SPEAKERS:
            raise ConfigError(f"synthetic.{key}: expected 0..{MAX_SPEAKERS}, got {getattr(config, key)}")
    for key in ("train_frames", "test_frames"):
        if getattr(config, key) < MIN_FRAMES:
            raise ConfigError(f"synthetic.{key}: expected at least {MIN_FRAMES} frames, got {getattr(config, key)}")
    if not 0 <= config.head_motion <= MAX_HEAD_MOTION:
        raise ConfigError(f"synthetic.head_motion: expected 0..{MAX_HEAD_MOTION}, got {config.head_motion}")
    if config.takes < 1:
        raise ConfigError(f"synthetic.takes: expected at least 1, got {config.takes}")
