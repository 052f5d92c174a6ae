"""Checks of arrays that are written to a media file or read from one."""

from __future__ import annotations

import numpy as np

from lt_bench.errors import MediaError
from lt_bench.media.colour import MAX_SIDE

MAX_PEAK = 4.0
"""Largest plausible peak of decoded sound; lossy codecs overshoot full scale slightly, but not this much."""
FULL_SCALE = 1.0001
"""The largest peak that is written: 1 plus a rounding error."""
RATES = (1000, 768_000)
"""Lowest and highest sample rate, in Hz. At one sample per second, a file would grow 16,000 times when it is read."""


def check_frame(frame: object, where: str, even: bool = False, shape: tuple[int, ...] | None = None) -> None:
    """Check that a frame is uint8 (H, W, 3), of an allowed size, and of ``shape`` if given.

    Raises:
        MediaError: the frame is invalid; the message starts with ``where``.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        got = frame.dtype if isinstance(frame, np.ndarray) else type(frame).__name__
        raise MediaError(f"{where}: expected a uint8 array, got {got}")
    if frame.ndim != 3 or frame.shape[2] != 3:
        raise MediaError(f"{where}: expected shape (height, width, 3), got {frame.shape}")
    if not all(0 < side <= MAX_SIDE for side in frame.shape[:2]):
        raise MediaError(f"{where}: expected sides of 1 to {MAX_SIDE} pixels, got {frame.shape[1]}x{frame.shape[0]}")
    if even and (frame.shape[0] % 2 or frame.shape[1] % 2):
        raise MediaError(f"{where}: expected an even width and height, got {frame.shape[1]}x{frame.shape[0]}")
    if shape is not None and frame.shape != shape:
        raise MediaError(f"{where}: expected the first frame's shape {shape}, got {frame.shape}")


def check_waveform(audio: object, where: str, peak: float = MAX_PEAK, first: int = 0) -> None:
    """Check that a waveform is a non-empty, finite, one-dimensional float array within ``peak``.

    ``first`` is the index of its first sample, for the message.

    Raises:
        MediaError: the waveform is invalid; the message starts with ``where``.
    """
    if not isinstance(audio, np.ndarray) or not np.issubdtype(audio.dtype, np.floating):
        got = audio.dtype if isinstance(audio, np.ndarray) else type(audio).__name__
        raise MediaError(f"{where}: expected float audio in [-1, 1], got {got}")
    if audio.ndim != 1:
        raise MediaError(f"{where}: expected mono audio of shape (samples,), got shape {audio.shape}")
    if not len(audio):
        raise MediaError(f"{where}: expected audio samples, got none")
    if not np.isfinite(audio).all():
        index = int(np.flatnonzero(~np.isfinite(audio))[0])
        raise MediaError(f"{where}: expected finite audio samples, got {audio[index]} at sample {first + index}")
    if np.abs(audio).max() > peak:
        raise MediaError(f"{where}: expected audio in [-1, 1], got a peak of {np.abs(audio).max():.6g}")


def check_rate(sample_rate: int, where: str) -> None:
    """Check that a sample rate (Hz) is within ``RATES``.

    Raises:
        MediaError: the rate is outside; the message starts with ``where``.
    """
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise MediaError(f"{where}: expected a sample rate of {RATES[0]} to {RATES[1]} Hz, got {sample_rate}")
