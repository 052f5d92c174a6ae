"""A latent cache, and how to prepare it where it does not exist yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class SyntheticConfig:
    """The embedded procedural set: identity-disjoint splits of fresh speakers."""

    train_speakers: int = 320
    validation_speakers: int = 8
    test_speakers: int = 12
    takes: int = 2
    """Clips per speaker, each with its own scene, words and motion; in a test split the last take is the gallery."""
    train_frames: int = 50
    """Length of a training clip, in frames at 25 fps."""
    test_frames: int = 75
    """Length of a validation or test clip, in frames."""
    seed: int = 0


@dataclass(frozen=True)
class DataConfig:
    """What to train on."""

    dataset: Literal["synthetic", "grid-sample", "folder"] = "synthetic"
    cache: str = "caches/synthetic-64"
    """Folder of the latent cache, relative to the working folder."""
    resolution: int = 64
    """Side of the square frames, in pixels."""
    codec: str = "dct"
    """dct, taef2, or a local folder / hub id of a diffusers autoencoder as ``kl:PATH`` or ``dc:PATH``."""
    speech_encoder: str = "log_mel"
    """log_mel, moonshine, or ``wav2vec2:PATH``."""
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    folder: str = ""
    """Folder of videos, for ``dataset: folder``."""
    splits_of: str = ""
    """An earlier cache whose identities keep their splits, for ``dataset: folder``; see ``data_prep/splits.py``."""
