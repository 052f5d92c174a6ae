"""Generated set, version 1: the manifest next to the videos that a system generated for a real set."""

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
    """One video of a generated set."""

    id: str
    video: str
    """Path relative to the manifest."""
    frames: int
    seconds: float
    """Generation time: the video's share, by frames, of the time of its batch."""


@dataclass(frozen=True)
class Miss:
    """A clip that could not be generated, with the reason."""

    id: str
    reason: str


@dataclass(frozen=True)
class GeneratedSet:
    """The content of the manifest. Keys that determine the videos come first, then the videos."""

    system: str
    model_sha256: str
    real_hash: str
    sampling: SamplingConfig
    parameters: int
    """Number of parameters of the network."""
    training_seconds: float
    plugins: dict[str, str] = field(default_factory=dict)
    """SHA-256, by file name, of the plugins that took part: a sampler's, a fusion's, a codec's."""
    complete: bool = False
    """Whether every requested clip was generated or is among the misses."""
    seconds_per_clip: float | None = None
    seconds_per_video_second: float | None = None
    """Generation time per second of video."""
    macs_per_video_second: float | None = None
    """Multiply-accumulates of the network per second of video; see ``lt_bench.sampling.operations``."""
    clips: tuple[GeneratedClip, ...] = ()
    misses: tuple[Miss, ...] = field(default=())

    def same_source(self, other: GeneratedSet) -> str | None:
        """Return the first key for which the other set's videos differ, or None."""
        mine, theirs = _source(self), _source(other)
        return next((key for key in mine if mine[key] != theirs[key]), None)


def _source(generated: GeneratedSet) -> dict[str, object]:
    document = to_dict(generated)
    # The number of clips in a batch, and whether the network is compiled, only change rounding.
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
    """Read the manifest of a folder.

    Raises:
        LtBenchError: it is missing, has another format or version, or a key is wrong.
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
