"""The videos shown side by side on the page, and the sound's shape under them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lt_bench.errors import MediaError
from lt_bench.evaluation.results.result_file import Clip
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.page.attachments import Attachments
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.collect import Entry
from lt_bench.leaderboard.tables.rows import Row
from lt_bench.media.audio import read_audio
from lt_bench.media.video import probe_video

BARS = 160


@dataclass(frozen=True)
class Tile:
    """One video of a sample."""

    label: str
    colour: int | None
    """Number of the system's colour; None for the real video."""
    video: str
    """base64 of the video, or its address relative to the page; empty where there is none."""
    poster: str
    """Address of a JPEG of one of its frames, seen before it plays."""
    missing: str
    """Why there is no video."""
    scores: dict[str, str]
    """This video's scores as text, by name."""


@dataclass(frozen=True)
class Sample:
    """One clip as every system made it."""

    clip: str
    identity: str
    seconds: float
    tiles: tuple[Tile, ...]
    waveform: str
    """SVG path of the sound's envelope in a box of ``BARS`` x 2; empty where there is no sound."""


@dataclass(frozen=True)
class Samples:
    """What the page shows."""

    shown: tuple[Sample, ...]
    inside: bool
    """Whether the videos are inside the page; else they are files beside it."""


def collect_samples(board: Board, colours: dict[str, int], count: int, attachments: Attachments) -> Samples:
    """Up to ``count`` clips of a table that some system has a video of.

    Picked by the headline score averaged over the systems, evenly from the worst clip to the best, so that the page
    shows failures too; clips that no system has the score for come first. Spread over the ids where there is no such
    score.
    """
    rows = [row for row in board.rows if _entry(row) is not None]
    if not rows or board.reference is None:
        return Samples((), True)
    picked, fps = pick_clips(board, rows, count), board.reference.protocol.fps
    files = [find(row, clip.id) for clip in picked for row in rows for find in (_real_video, _video)]
    inside = attachments.begin(path for path in files if path is not None)
    return Samples(tuple(_sample(clip, fps, rows, colours, attachments) for clip in picked), inside)


def pick_clips(board: Board, rows: Sequence[Row], count: int) -> list[Clip]:
    """The clips to show, those without the headline score first, then from the worst to the best."""
    assert board.reference is not None
    clips = {clip.id: clip for clip in board.reference.clips if any(_video(row, clip.id) for row in rows)}
    found = [row.scores[board.headline] for row in rows if board.headline in row.scores]
    rated = {i: [score.of_video(i) for score in found if i in score.per_video] for i in clips}
    sign = -1.0 if found and found[0].score.higher_is_better is False else 1.0
    ordered = sorted(clips, key=lambda i: (sign * float(np.mean(rated[i])) if rated[i] else -math.inf, i))
    chosen = (
        np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int)) if ordered else []
    )
    return [clips[ordered[k]] for k in chosen]


def _entry(row: Row) -> Entry | None:
    """The seed whose videos are shown."""
    return next((e for e in row.entries if e.result is not None and e.videos is not None), None)


def _clip(entry: Entry, clip: str) -> Clip | None:
    return next((c for c in entry.result.clips if c.id == clip), None) if entry.result else None


def _video(row: Row, clip: str) -> Path | None:
    entry = _entry(row)
    found = _clip(entry, clip) if entry else None
    if entry is None or entry.videos is None or found is None or not found.generated_file:
        return None
    path = entry.videos / found.generated_file
    return path if path.is_file() else None


def _real_video(row: Row, clip: str) -> Path | None:
    for entry in row.entries:
        found = _clip(entry, clip)
        path = entry.real / found.real_file if entry.real and found else None
        if path is not None and path.is_file():
            return path
    return None


def _missing(row: Row, clip: str) -> str:
    """Why a system's video of a clip is not shown."""
    entry = _entry(row)
    found = _clip(entry, clip) if entry else None
    if found is None or found.frames == 0:
        return "this clip was not generated"
    return "its video is not at hand" if entry and entry.videos else "its videos are not at hand"


def _sample(clip: Clip, fps: float, rows: Sequence[Row], colours: dict[str, int], files: Attachments) -> Sample:
    real = next((path for path in (_real_video(row, clip.id) for row in rows) if path is not None), None)
    absent = "the real set is not at hand" if real is None else ""
    tiles = [Tile("real", None, files.video(real), files.poster(real), absent, {})]
    for row in rows:
        path = _video(row, clip.id)
        scores = {n: short_number(s.of_video(clip.id)) for n, s in row.scores.items() if clip.id in s.per_video}
        missing = "" if path else _missing(row, clip.id)
        tiles.append(Tile(row.system, colours[row.system], files.video(path), files.poster(path), missing, scores))
    voice = real or next((p for p in (_video(row, clip.id) for row in rows) if p is not None), None)
    seconds = (_seconds(voice) if voice else 0.0) or clip.frames / fps  # browsers' recordings say 0
    return Sample(clip.id, clip.identity, seconds, tuple(tiles), _waveform(voice) if voice else "")


def _seconds(path: Path) -> float:
    return probe_video(path).duration


def _waveform(path: Path) -> str:
    try:
        audio = read_audio(path)
    except MediaError:
        return ""  # a video without sound has no envelope to draw
    parts = np.array_split(np.abs(audio), BARS) if len(audio) >= BARS else [np.abs(audio)]
    peaks = np.array([float(np.sqrt(np.mean(part**2))) for part in parts])
    heights = 0.04 + 0.92 * peaks / max(float(peaks.max()), 1e-4)
    return "".join(f"M{k + 0.15:.2f} {1 - h:.2f}h.7v{2 * h:.2f}h-.7z" for k, h in enumerate(heights))
