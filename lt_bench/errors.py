"""The errors that a user can cause and mend; the command line prints each as one line and exits with code 2."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Fault = Literal["generated", "reference", "environment"]
"""What an error lies in when a clip is scored.

``generated``: the generated video. ``reference``: the reference set, or a metric that has no value against it.
``environment``: the machine and its assets, or the protocol.
"""


class LtBenchError(ValueError):
    """Bad input: the message names the file or key, what was expected and what was got, on one line."""

    fault: Fault | None = None
    """None where the raising code cannot know; callers that know set it with ``blame``."""

    def __init__(self, *args: object, fault: Fault | None = None) -> None:
        super().__init__(*args)
        if fault is not None:
            self.fault = fault


def short(value: object) -> str:
    """Quote a value in an error message: its ``repr`` on one line, in at most 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


@contextmanager
def blame(fault: Fault) -> Iterator[None]:
    """Set the fault of errors raised inside that carry none; the innermost ``blame`` wins."""
    try:
        yield
    except LtBenchError as error:
        error.fault = error.fault or fault
        raise


class ConfigError(LtBenchError):
    """A key of a configuration is unknown, missing or of the wrong kind."""

    fault = "environment"


class MediaError(LtBenchError):
    """A video or sound file cannot be used."""


class ColourError(MediaError):
    """A plain conversion would falsify a video's colours; the message names what converts them."""


class AssetError(LtBenchError):
    """A pinned asset is missing or is not the pinned file."""

    fault = "environment"


class DownloadError(LtBenchError):
    """A file could not be downloaded, or what arrived is not the expected content."""


class CacheError(LtBenchError):
    """A latent cache is damaged, of another version, or does not fit what is asked of it."""


class CheckpointError(LtBenchError):
    """A checkpoint is damaged or belongs to another configuration."""


class WriteError(LtBenchError):
    """The system refused to write a file: a full disk, a read-only folder."""

    fault = "environment"


class TrainingError(LtBenchError):
    """Training cannot go on: its loss or gradient is no number any more."""


class ResultError(LtBenchError):
    """A result file is damaged, of another version, or not comparable."""


class FaceError(LtBenchError):
    """No usable face was found."""
