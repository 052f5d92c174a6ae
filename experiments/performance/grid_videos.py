"""Real videos for measuring evaluation: grid-sample, square, and the same after H.264 compression."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import assets
from lt_bench.evaluation.inputs.clip_context import to_size
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames
from lt_bench.media.video_writer import write_video

FRAMES = 75
"""Number of frames of a clip."""


def write_sides(folder: Path, side: int, frames: int = FRAMES, videos: int = 0) -> None:
    """Write ``folder/real`` and ``folder/generated``; existing files are kept.

    Args:
        folder: folder of both sets.
        side: side of the square frames, in pixels.
        frames: frames of each video; longer videos play the clip back and forth and repeat its sound.
        videos: number of videos; those beyond the clips start at another frame of a clip. 0 for the clips.
    """
    clips = [asset for asset in assets().values() if asset.group == "grid-sample"]
    for number in range(videos or len(clips)):
        clip, again = clips[number % len(clips)], number // len(clips)
        name = Path(clip.file).stem + (f"_{again}" if again else "")
        if (folder / "generated" / f"{name}.mp4").exists():
            continue
        path = asset_path(clip.name)
        turn = np.abs((np.arange(frames) + 5 * again + FRAMES - 1) % (2 * FRAMES - 2) - (FRAMES - 1))
        video, sound = square(read_frames(path), side), np.resize(read_audio(path), frames * 640)
        for kind, crf in (("real", 12.0), ("generated", 32.0)):
            target = folder / kind / f"{name}.mp4"
            write_video(target, (video[i] for i in turn), 25.0, sound, crf=crf, preset="veryfast")


def square(frames: np.ndarray, side: int) -> np.ndarray:
    """Crop the center of the frames and resize it."""
    height, width = frames.shape[1:3]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    return to_size(frames[:, top : top + least, left : left + least], side, side)
