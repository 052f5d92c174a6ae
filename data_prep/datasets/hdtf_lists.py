"""The lists of HDTF (Zhang et al., CVPR 2021): 436 clips of 370 videos on YouTube, 17 hours (pinned assets).

The lists, of three groups (RD radio, WDA and WRA weekly addresses), name a video on each line: its address, the times
of its clips, its reference resolution; and for each clip a fixed window in pixels of that resolution (the first way of
its README to crop) and a factor for the square around all the clip's face boxes (the second). Names come with and
without ``.mp4``, one list starts with a byte order mark, addresses may carry ``&t=``. What the lists leave out or get
wrong is told with the clip that it concerns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from data_prep.extraction.crop_methods import Given
from lt_bench.assets.store import asset_path

GROUPS = ("RD", "WDA", "WRA")
LISTS = ("video_url", "annotion_time", "resolution", "crop_wh", "crop_ratio")
_TIME = re.compile(r"(\d+):([0-5]\d)-(\d+):([0-5]\d)")


@dataclass(frozen=True)
class HdtfVideo:
    """A video of the list."""

    group: str
    name: str
    youtube: str
    """Its id there."""
    reference: int | None
    """Lines of the resolution that windows are given for; None where the list has none."""
    times: tuple[tuple[int, int], ...]
    """Start and stop of each clip, in seconds."""


@dataclass(frozen=True)
class HdtfClip:
    """A clip of the list."""

    video: HdtfVideo
    number: int
    """Of the clip in its video, from 0."""
    given: Given

    @property
    def name(self) -> str:
        """As the list has it, such as ``Radio11_1``."""
        return f"{self.video.name}_{self.number}"


@dataclass(frozen=True)
class BadLine:
    """A line of a list that says nothing usable."""

    file: str
    line: int
    text: str
    reason: str


@dataclass(frozen=True)
class HdtfLists:
    """The content of the fifteen lists."""

    videos: tuple[HdtfVideo, ...]
    clips: tuple[HdtfClip, ...]
    bad: tuple[BadLine, ...]
    lines: int
    """Lines in all, empty ones aside."""


def read_hdtf(folder: Path | None = None) -> HdtfLists:
    """Read the lists.

    Args:
        folder: where they are; by default the pinned assets.

    Raises:
        AssetError: a pinned list is missing or is not the pinned one.
    """
    lists = _Lists(folder)
    videos, clips = [], []
    for group in GROUPS:
        urls, times, sizes, windows, ratios = (lists.read(f"{group}_{kind}.txt", _READERS[kind]) for kind in LISTS)
        for name, youtube in urls.items():
            video = HdtfVideo(group, name, youtube, sizes.get(name), times.pop(name, ()))
            if not video.times:
                lists.note(f"{group}_video_url.txt", name, "expected times of its clips, got none in the list of times")
            videos.append(video)
            for number in range(len(video.times)):
                key = f"{name}_{number}"
                given = _given(video, windows.pop(key, None), ratios.pop(key, 0.0))
                clips.append(HdtfClip(video, number, given))
        for kind, left in (("annotion_time", times), ("crop_wh", windows), ("crop_ratio", ratios)):
            for name in left:
                lists.note(
                    f"{group}_{kind}.txt", name, "expected a name of the list of addresses and times, got another"
                )
    return HdtfLists(tuple(videos), tuple(clips), tuple(lists.bad), lists.lines)


def _given(video: HdtfVideo, window: tuple[int, int, int, int] | None, ratio: float) -> Given:
    if window is None:
        return Given(ratio=ratio, problem="expected a window in HDTF's list, got none for this clip")
    x, width, y, height = window
    given = Given(x=x, y=y, side=max(width, height), reference=video.reference or 0, ratio=ratio)
    if not video.reference:
        return replace(given, problem=f"expected a reference resolution for the window, got {video.reference} lines")
    if y + height > video.reference:
        text = f"expected a window within {video.reference} lines, got one down to line {y + height}"
        return replace(given, problem=text)
    return given


class _Lists:
    """Reads lists and gathers what cannot be read."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._places: dict[tuple[str, str], tuple[int, str]] = {}
        self.bad: list[BadLine] = []
        self.lines = 0

    def read(self, file: str, reader) -> dict:
        """Values by name, without ``.mp4``."""
        path = asset_path(file) if self._folder is None else self._folder / file
        found = {}
        for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1):
            if not line.strip():
                continue
            self.lines += 1
            name, *rest = line.split()
            name = name.removesuffix(".mp4")
            self._places[file, name] = (number, line)
            try:
                value = reader(rest)
            except ValueError as error:
                self.note(file, name, str(error))
                continue
            if name in found:
                self.note(file, name, "expected each name once, got it again")
            else:
                found[name] = value
        return found

    def note(self, file: str, name: str, reason: str) -> None:
        """Remember that the line of a name cannot be used."""
        number, line = self._places[file, name]
        self.bad.append(BadLine(file, number, line, reason))


def _url(words: list[str]) -> str:
    ids = [found for word in words for found in parse_qs(urlparse(word).query).get("v", [])]
    if len(words) != 1 or len(ids) != 1:
        raise ValueError(f"expected one address of a YouTube video, got {' '.join(words) or 'none'}")
    return ids[0]


def _times(words: list[str]) -> tuple[tuple[int, int], ...]:
    return tuple(_seconds(words))


def _seconds(words: list[str]) -> Iterator[tuple[int, int]]:
    if not words:
        raise ValueError("expected times mm:ss-mm:ss, got none")
    for word in words:
        match = _TIME.fullmatch(word)
        if not match:
            raise ValueError(f"expected times mm:ss-mm:ss, got {word}")
        first, last = (60 * int(match[k]) + int(match[k + 1]) for k in (1, 3))
        if first >= last:
            raise ValueError(f"expected a time that ends after it starts, got {word}")
        yield first, last


def _lines(words: list[str]) -> int:
    if len(words) != 1 or not words[0].isdigit():
        raise ValueError(f"expected a number of lines, got {' '.join(words) or 'none'}")
    return int(words[0])


def _window(words: list[str]) -> tuple[int, int, int, int]:
    if len(words) != 4 or not all(word.isdigit() for word in words) or "0" in (words[1], words[3]):
        raise ValueError(f"expected min_x width min_y height, got {' '.join(words) or 'none'}")
    x, width, y, height = map(int, words)
    return x, width, y, height


def _ratio(words: list[str]) -> float:
    if len(words) != 1 or not 0.1 <= float(words[0]) <= 10:
        raise ValueError(f"expected one factor, got {' '.join(words) or 'none'}")
    return float(words[0])


_READERS = {
    "video_url": _url,
    "annotion_time": _times,
    "resolution": _lines,
    "crop_wh": _window,
    "crop_ratio": _ratio,
}
