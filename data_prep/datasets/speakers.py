"""Data sets of numbered speakers: choice of speakers and of clips for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, TypeVar

from data_prep.datasets.base import DownloadedDataSet
from data_prep.datasets.downloads import FAILED_FILE, read_reasons
from lt_bench.config import DataConfig
from lt_bench.errors import ConfigError
from lt_bench.files import write_json

T = TypeVar("T")
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


class SpeakerDataSet(DownloadedDataSet):
    """A data set whose clips belong to speakers with numbers; ``speakers`` and ``clips_per_speaker`` choose of them."""

    by_speaker = True
    unit = "MB"
    numbers: ClassVar[tuple[int, ...]]
    """All speakers."""

    def __init__(self, config: DataConfig) -> None:
        super().__init__(config)
        self.chosen = choose_speakers(config.speakers, self.numbers)
        if config.clips_per_speaker < 0:
            raise ConfigError(f"clips_per_speaker: expected 0 (all) or more, got {config.clips_per_speaker}")

    def some(self, clips: Sequence[T]) -> list[T]:
        """Choose the configured number of a speaker's clips, evenly over their order."""
        count = min(self.config.clips_per_speaker or len(clips), len(clips))
        return [clips[place * len(clips) // count] for place in range(count)]

    @cached_property
    def failed(self) -> dict[str, str]:
        """The reason of each file that the last download could not get, by its name without suffix."""
        return read_reasons(self.video_folder / FAILED_FILE)

    def note_failed(self, failed: Mapping[str, str]) -> dict[str, str]:
        """Keep the reasons of a download's failed files, by their names, for ``failed``; return them."""
        reasons = {Path(name).stem: reason for name, reason in failed.items()}
        if reasons:
            write_json(self.video_folder / FAILED_FILE, reasons)
        else:
            (self.video_folder / FAILED_FILE).unlink(missing_ok=True)
        return reasons


def choose_speakers(text: str, known: Sequence[int]) -> tuple[int, ...]:
    """Read numbers and ranges such as ``1-5,7``; empty text chooses everyone.

    A range leaves out numbers between its ends that no speaker has.

    Raises:
        ConfigError: another form, or a number that no speaker has.
    """
    chosen: set[int] = set()
    for item in text.replace(" ", "").split(",") if text else ():
        match = _RANGE.fullmatch(item)
        if not match:
            raise ConfigError(f"speakers: expected numbers and ranges such as 1-5,7, got '{text[:60]}'")
        first, final = int(match[1]), int(match[2] or match[1])
        if first not in known or final not in known or first > final:
            raise ConfigError(f"speakers: expected numbers of {_ranges(known)}, ascending in a range, got '{item}'")
        chosen.update(number for number in known if first <= number <= final)
    return tuple(sorted(chosen or known))


def _ranges(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
