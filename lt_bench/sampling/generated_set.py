"""A generated set, version 1: the manifest beside the videos that a system made for a real set."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lt_bench.config import SamplingConfig, parse_config, to_dict
from lt_bench.conventions import GENERATED_SET_FORMAT as FORMAT
from lt_bench.conventions import GENERATED_SET_VERSION as VERSION
from lt_bench.conventions import MANIFEST_FILE
from lt_bench.errors import CheckpointError, ConfigError, LtBenchError
from lt_bench.files import read_json, write_json


@dataclass(frozen=True)
class GeneratedClip:
    """One video of the set."""

    id: str
    video: str
    """Relative to the manifest."""
    frames: int
    seconds: float
    """Time it took: its share, by frames, of its batch's time."""


@dataclass(frozen=True)
class Miss:
    """A clip that could not be generated."""

    id: str
    reason: str


@dataclass(frozen=True)
class GeneratedSet:
    """The content of the manifest. What decides the videos comes first, then the videos."""

    system: str
    model_sha256: str
    real_hash: str
    sampling: SamplingConfig
    parameters: int
    """Of the network."""
    training_seconds: float
    plugins: dict[str, str] = field(default_factory=dict)
    """SHA-256, by file name, of the plugins that took part: a sampler's, a fusion's, a codec's."""
    complete: bool = False
    """Whether every clip asked for is here or among the misses."""
    seconds_per_clip: float | None = None
    seconds_per_video_second: float | None = None
    """Time of generation per second of video."""
    macs_per_video_second: float | None = None
    """Multiply-accumulates of the network per second of video; see ``lt_bench.sampling.operations``."""
    clips: tuple[GeneratedClip, ...] = ()
    misses: tuple[Miss, ...] = field(default=())

    def same_source(self, other: GeneratedSet) -> str | None:
        """The first key that makes the other set's videos other videos, or None."""
        mine, theirs = _source(self), _source(other)
        return next((key for key in mine if mine[key] != theirs[key]), None)


def _source(generated: GeneratedSet) -> dict[str, object]:
    document = to_dict(generated)
    # How many clips share a batch, and whether the network is compiled, change rounding alone.
    free = ("batch_size", "compile")
    sampling = {f"sampling.{k}": v for k, v in document["sampling"].items() if k not in free}
    return {key: document[key] for key in ("model_sha256", "real_hash", "plugins")} | sampling


def write_generated_set(folder: Path, generated: GeneratedSet) -> None:
    """Write the manifest atomically."""
    document = to_dict(generated)
    if not generated.plugins:  # a key that earlier releases do not read
        del document["plugins"]
    write_json(folder / MANIFEST_FILE, {"format": FORMAT, "version": VERSION, **document})


def read_generated_set(folder: Path) -> GeneratedSet:
    """Read a manifest.

    Raises:
        LtBenchError: missing, of another format or version, or with a wrong key.
    """
    path = folder / MANIFEST_FILE
    document = read_json(path)
    if not isinstance(document, dict) or (document.pop("format", 0), document.pop("version", 0)) != (
        FORMAT,
        VERSION,
    ):
        raise LtBenchError(f"{path}: expected format '{FORMAT}', version {VERSION}, got something else")
    try:
        return parse_config(GeneratedSet, document, str(path))
    except ConfigError as error:
        raise CheckpointError(str(error)) from None
