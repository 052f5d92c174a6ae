"""Known damages, each a ladder of levels from slight to severe; every one is the same whenever it is applied."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy import ndarray

from lt_bench.conventions import FPS
from lt_bench.media.video import read_frames
from lt_bench.media.video_writer import write_video
from lt_bench.shapes import Frames, UInt8, Waveform

SAMPLES_PER_FRAME = 640
"""Of 16 kHz sound at 25 frames per second."""
SHIFTS = tuple(float(k) for k in range(1, 16))
Picture = UInt8[ndarray, "H W 3"]


@dataclass(frozen=True)
class FrameDamage:
    """A damage to the frames."""

    name: str
    unit: str
    """What a level says."""
    levels: tuple[float, ...]
    """From slight to severe."""
    apply: Callable[[Frames, float, Frames], Frames]
    """Frames, level, frames of another person (as many) -> damaged frames."""


@dataclass(frozen=True)
class SoundDamage:
    """A damage to the sound."""

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[Waveform, float, Waveform], Waveform]
    """Sound, level, sound of another person -> damaged sound."""


def blur(frame: Picture, sigma: float) -> Picture:
    """Gaussian blur; ``sigma`` in pixels."""
    import cv2

    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma))


def noise(frames: Frames, sigma: float) -> Frames:
    """White noise of ``sigma`` grey levels, another in every frame."""
    rng = np.random.default_rng(0)
    noisy = [frame + sigma * rng.standard_normal(frame.shape, dtype=np.float32) for frame in frames]
    return np.stack([np.clip(np.rint(frame), 0, 255).astype(np.uint8) for frame in noisy])


def jpeg(frame: Picture, quality: float) -> Picture:
    """A round trip through JPEG."""
    import cv2

    done, data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, round(quality)])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))


def h264(frames: Frames, crf: float) -> Frames:
    """A round trip through x264 at a constant rate factor."""
    with tempfile.TemporaryDirectory(prefix="lt_bench_h264_") as folder:
        path = Path(folder) / "v.mp4"
        even = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
        write_video(path, even, crf=crf, preset="veryfast")
        damaged = frames.copy()
        damaged[:, : even.shape[1], : even.shape[2]] = read_frames(path)
    return damaged


def freeze(frames: Frames, share: float) -> Frames:
    """The last ``share`` of the video stands still; 1 is a photograph."""
    last = min(len(frames) - 1, round((1 - share) * len(frames)))
    return frames[np.minimum(np.arange(len(frames)), last)]


def shuffle(frames: Frames, window: float) -> Frames:
    """Shuffle frames within windows of this many frames."""
    rng, order = np.random.default_rng(0), np.arange(len(frames))
    for start in range(0, len(frames), int(window)):
        rng.shuffle(order[start : start + int(window)])
    return frames[order]


def other_identity(frames: Frames, share: float, other: Frames) -> Frames:
    """The last ``share`` of the video shows somebody else."""
    first = round((1 - share) * len(frames))
    return np.concatenate([frames[:first], other[first : len(frames)]])


def lower_rate(frames: Frames, fps: float) -> Frames:
    """Shown at a lower rate than 25 fps: each frame is held until the next is due."""
    return frames[(np.floor(np.arange(len(frames)) * fps / FPS + 1e-9) * FPS / fps + 1e-9).astype(int)]


def warp(frames: Frames, share: float) -> Frames:
    """Play stretches of a second alternately faster and slower by ``share``, so that every second one is in time."""
    seconds = np.arange(len(frames)) / 25
    # Ahead of time by the integral of a square wave: a triangle that is 0 at every second second.
    ahead = share * (1 - np.abs(1 - seconds % 2))
    return frames[np.clip(np.rint((seconds + ahead) * 25).astype(int), 0, len(frames) - 1)]


def delay(sound: Waveform, frames: float) -> Waveform:
    """Delay the sound by this many frames of silence."""
    samples = round(frames) * SAMPLES_PER_FRAME
    return np.pad(sound, (samples, 0))[: len(sound)]


def other_sound(sound: Waveform, share: float, other: Waveform) -> Waveform:
    """The last ``share`` of the sound is somebody else's sentence."""
    first = round((1 - share) * len(sound))
    rest = np.pad(other, (0, max(0, len(sound) - len(other))))
    return np.concatenate([sound[:first], rest[first : len(sound)]])


def _each(change: Callable[[Picture, float], Picture]) -> Callable[[Frames, float, Frames], Frames]:
    return lambda frames, level, _: np.stack([change(frame, level) for frame in frames])


FRAME_DAMAGES = (
    FrameDamage("blur", "sigma, pixels", (1, 2, 4), _each(blur)),
    FrameDamage("noise", "sigma, grey levels", (5, 15, 40), lambda f, level, _: noise(f, level)),
    FrameDamage("jpeg", "quality", (50, 20, 5), _each(jpeg)),
    FrameDamage("h264", "constant rate factor", (28, 36, 44), lambda f, level, _: h264(f, level)),
    FrameDamage("frozen", "share of the video", (0.33, 0.67, 1), lambda f, level, _: freeze(f, level)),
    FrameDamage("frames_shuffled", "window, frames", (3, 9, 27), lambda f, level, _: shuffle(f, level)),
    FrameDamage("other_identity", "share of the video", (0.33, 0.67, 1), other_identity),
    FrameDamage("mirrored", "", (1,), lambda f, _, __: np.ascontiguousarray(f[:, :, ::-1])),
    FrameDamage("time_warped", "stretch, share of speed", (0.05, 0.1), lambda f, level, _: warp(f, level)),
    FrameDamage("fps", "frames per second", (12.5, 8, 5), lambda f, level, _: lower_rate(f, level)),
)
SOUND_DAMAGES = (
    SoundDamage("sound_late", "frames", SHIFTS, lambda s, level, _: delay(s, level)),
    SoundDamage("sound_of_another", "share of the video", (0.33, 0.67, 1), other_sound),
)
