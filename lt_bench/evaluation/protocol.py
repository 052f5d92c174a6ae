"""Protocols: everything that a score depends on in addition to the videos, named, versioned and hashed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from lt_bench.config import load_config, to_dict
from lt_bench.errors import ConfigError
from lt_bench.files import sha256_json

SUFFIXES = (".yaml", ".yml")
SIZE_RULE = (
    "frames of another size are resized by area averaging (smaller) or bicubic (larger); another shape is a miss"
)


@dataclass(frozen=True)
class ScoreSpec:
    """A score and its settings."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Protocol:
    """Rules for scoring; the YAML files of ``evaluation/protocols`` are such objects."""

    id: str
    version: int
    about: str
    scores: tuple[ScoreSpec, ...]
    size: int = 0
    """Side of the square frames that are scored, in pixels; 0 for that of the real videos, which then must be one."""
    fps: float = 25.0
    first_frame: int = 0
    """Frames before it are not scored."""
    min_frames: int = 25
    """Shorter clips are misses."""
    max_frames: int = 0
    """Longer clips are cut to it; 0 for no cut."""
    length_difference: int = 5
    """Frames by which the two videos may differ in length and are cut to the shorter; beyond it is a miss."""

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.scores]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"protocol {self.id}: key 'scores': expected at least one, each once, got {names}")
        lowest = {"version": 1, "size": 0, "first_frame": 0, "max_frames": 0, "length_difference": 0}
        for key, low in lowest.items():
            if getattr(self, key) < low:
                raise ConfigError(f"protocol {self.id}: key '{key}': expected at least {low}, got {getattr(self, key)}")
        if not 0 < self.fps <= 1000:
            raise ConfigError(f"protocol {self.id}: key 'fps': expected above 0 and up to 1000, got {self.fps}")
        if self.min_frames < self.first_frame + 2:
            raise ConfigError(
                f"protocol {self.id}: key 'min_frames': expected at least first_frame + 2, got {self.min_frames}"
            )
        if 0 < self.max_frames < self.min_frames:
            raise ConfigError(
                f"protocol {self.id}: key 'max_frames': expected 0 or at least min_frames, got {self.max_frames}"
            )

    @property
    def hash(self) -> str:
        """SHA-256 of the content."""
        return sha256_json(to_dict(self))

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules for sizes and lengths, in words."""
        cut = f", to at most {self.max_frames} frames" if self.max_frames else ""
        length = (
            f"both videos are cut at their end to the shorter{cut}; more than {self.length_difference} frames apart"
        )
        return (SIZE_RULE, f"{length}, or shorter than {self.min_frames} frames, is a miss")


def protocol_names() -> tuple[str, ...]:
    """The protocols that come with the package."""
    files = resources.files("lt_bench.evaluation").joinpath("protocols").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def load_protocol(name: str | os.PathLike[str]) -> Protocol:
    """A protocol of the package by its name, or any from a YAML file's path.

    Raises:
        ConfigError: unknown name (says which there are), or the file's fault.
    """
    text = os.fspath(name)
    if text in protocol_names():
        with resources.as_file(resources.files("lt_bench.evaluation").joinpath(f"protocols/{text}.yaml")) as path:
            return load_config(Protocol, path)
    if text.endswith(SUFFIXES):
        return load_config(Protocol, Path(text))
    raise ConfigError(f"protocol '{text}': expected one of {', '.join(protocol_names())}, or the path of a YAML file")
