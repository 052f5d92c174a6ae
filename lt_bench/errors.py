"""The errors that a user can cause and mend; the command line prints each as one line and exits with code 2."""

from __future__ import annotations


class LtBenchError(ValueError):
    """Bad input: the message names the file or key, what was expected and what was got, on one line."""


class ConfigError(LtBenchError):
    """A key of a configuration is unknown, missing or of the wrong kind."""


class MediaError(LtBenchError):
    """A video or sound file cannot be used."""


class ColourError(MediaError):
    """A plain conversion would falsify a video's colours; the message names what converts them."""


class AssetError(LtBenchError):
    """A pinned asset is missing or is not the pinned file."""


class DownloadError(LtBenchError):
    """A file could not be downloaded, or what arrived is not the expected content."""


class CacheError(LtBenchError):
    """A latent cache is damaged, of another version, or does not fit what is asked of it."""


class CheckpointError(LtBenchError):
    """A checkpoint is damaged or belongs to another configuration."""


class WriteError(LtBenchError):
    """The system let a file not be written: a full disk, a folder that may only be read."""


class TrainingError(LtBenchError):
    """Training cannot go on: its loss or gradient is no number any more."""


class ResultError(LtBenchError):
    """A result file is damaged, of another version, or not comparable."""


class FaceError(LtBenchError):
    """No usable face was found."""
