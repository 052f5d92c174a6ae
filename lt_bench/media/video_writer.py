"""Atomic and reproducible writing of videos: H.264 and AAC in mp4, streamed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import av
import numpy as np
from av import AudioFrame
from av.audio.stream import AudioStream
from av.codec.codec import Codec, UnknownCodecError
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.errors import MediaError
from lt_bench.files import atomic_path
from lt_bench.media.checks import FULL_SCALE, check_frame, check_waveform
from lt_bench.media.colour import rgb_to_frame
from lt_bench.media.container import explain
from lt_bench.media.sound import Sound
from lt_bench.shapes import UInt8, Waveform

AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sample rates that AAC supports, in Hz."""

LAYOUTS = {1: "mono", 2: "stereo"}
"""Names of the supported layouts by their number of channels."""
ENCODERS = ("libx264", "aac")
"""Encoders of the written videos."""


def write_video(
    path: str | os.PathLike[str],
    frames: Iterable[UInt8[np.ndarray, "H W 3"]] | UInt8[np.ndarray, "F H W 3"],
    fps: float = float(FPS),
    audio: Sound | tuple[Sound, ...] | None = None,
    sample_rate: int = SAMPLE_RATE,
    crf: float = 12,
    preset: str = "medium",
) -> None:
    """Write RGB frames, and sound if given, as ``video_writer`` does; an iterable is consumed frame by frame.

    Raises:
        MediaError: same as ``video_writer``.
    """
    with video_writer(path, fps, audio, sample_rate, crf, preset) as write:
        for frame in frames:
            write(frame)


def check_encoders() -> None:
    """Check that videos can be written, before hours are spent on their frames.

    Raises:
        MediaError: PyAV was built without an encoder.
    """
    for name in ENCODERS:
        try:
            Codec(name, "w")
        except UnknownCodecError:
            got = "expected an encoder of PyAV, got none; reinstall it with: pip install --force-reinstall av"
            raise MediaError(f"{name}: {got}") from None


@contextmanager
def video_writer(
    path: str | os.PathLike[str],
    fps: float = float(FPS),
    audio: Sound | tuple[Sound, ...] | None = None,
    sample_rate: int = SAMPLE_RATE,
    crf: float = 12,
    preset: str = "medium",
) -> Iterator[Callable[[UInt8[np.ndarray, "H W 3"]], None]]:
    """Write frames, and sound if given, as a stream in constant memory, to an mp4 that plays everywhere.

    The value is a function that takes the next frame: uint8 RGB, all of one even size. The file has H.264 yuv420p
    (BT.601 matrix, limited range, tagged), AAC, and the index in front. One encoder thread and no dates or names in the
    file make it reproducible: the same input gives the same bytes with the same libraries.

    Args:
        path: path at which the complete file appears when the block ends; it should end in .mp4.
        fps: frames per second.
        audio: mono in [-1, 1], or a tuple of two such channels, starting with the first frame; cut or padded with
            silence to the video's duration. Read in slices while the video is written.
        sample_rate: sample rate of the audio in Hz, one of ``AAC_RATES``.
        crf: x264's constant rate factor: 0 best, 51 worst.
        preset: x264's speed preset.

    Raises:
        MediaError: there are no frames, sizes are odd or vary, dtypes are wrong, the audio is not finite or beyond
            [-1, 1], or the file cannot be written.
    """
    target = Path(path)
    if not 0 < fps <= 1000:
        raise MediaError(f"{target}: expected a frame rate above 0 and up to 1000, got {fps}")
    channels = audio if isinstance(audio, tuple) else () if audio is None else (audio,)
    if audio is not None:
        if len(channels) not in LAYOUTS:
            raise MediaError(f"{target}: expected one or two channels of sound, got {len(channels)}")
        for channel in channels:
            if isinstance(channel, np.ndarray) or not len(channel):
                check_waveform(channel[:], str(target), peak=FULL_SCALE)
        if sample_rate not in AAC_RATES:
            raise MediaError(f"{target}: expected a sample rate of {AAC_RATES}, got {sample_rate}")
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    with (
        atomic_path(target) as temporary,
        explain(target, "could not be written"),
        av.open(f"file:{temporary}", "w", format="mp4", container_options=options) as container,
    ):
        writer = _Writer(container, target, Fraction(fps).limit_denominator(1001), {"crf": str(crf), "preset": preset})
        if channels:
            writer.sound = partial(_Sound, container, channels, sample_rate, str(target))
        yield writer.write
        writer.finish()


class _Writer:
    """The tracks of a file being written; they are created with the first frame, which determines the size."""

    def __init__(self, container: OutputContainer, target: Path, rate: Fraction, options: dict[str, str]) -> None:
        self._container, self._target, self._rate, self._options = container, target, rate, options
        self._shape: tuple[int, ...] | None = None
        self._count = 0
        self._reformatter = VideoReformatter()
        self.sound: Callable[[], _Sound] | None = None

    def write(self, rgb: UInt8[np.ndarray, "H W 3"]) -> None:
        check_frame(rgb, f"{self._target}: frame {self._count}", even=True, shape=self._shape)
        if self._shape is None:
            self._shape = rgb.shape
            self._video = _add_video(self._container, self._rate, rgb.shape[1], rgb.shape[0], self._options)
            self._track = None if self.sound is None else self.sound()
        frame = rgb_to_frame(np.ascontiguousarray(rgb), self._reformatter)
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        with explain(self._target, "could not be written"):
            self._container.mux(self._video.encode(frame))
            if self._track is not None:
                self._track.write_until(self._count / self._rate)

    def finish(self) -> None:
        if self._shape is None:
            raise MediaError(f"{self._target}: expected at least one frame to write, got 0 frames")
        self._container.mux(self._video.encode(None))
        if self._track is not None:
            self._track.finish()


def _add_video(
    container: OutputContainer, rate: Fraction, width: int, height: int, options: dict[str, str]
) -> VideoStream:
    exact = {"threads": "1", "flags": "+bitexact"} | x264_options()
    stream = container.add_stream("libx264", rate=rate, options={**options, **exact})
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.thread_count = 1
    context.time_base = 1 / rate
    context.colorspace, context.color_range = 6, 1  # H.273: SMPTE 170M (BT.601) matrix, limited range
    context.color_primaries, context.color_trc = 1, 1  # BT.709, as sRGB
    return stream


@cache
def x264_options(cpu: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return options that disable AVX-512 in x264, on processors that support it.

    For frames below some hundred pixels, the AVX-512 code of x264 (165) gives other bytes than all its other code, and
    not always the same: 8 of 3,110 encodings of the same frames differed on a busy machine, and none of as many with
    AVX2.
    """
    try:
        known = "avx512f" in cpu.read_text(encoding="ascii", errors="ignore")
    except OSError:  # not Linux
        return {}
    return {"x264-params": "asm=avx2"} if known else {}


class _Sound:
    """The audio track of a file being written, encoded in step with the frames so that the file stays interleaved."""

    def __init__(self, container: OutputContainer, audio: tuple[Sound, ...], sample_rate: int, where: str) -> None:
        self._container, self._audio, self._rate, self._where = container, audio, sample_rate, where
        self._done, self._layout = 0, LAYOUTS[len(audio)]
        # AAC is limited to 6 bits per sample and channel; twice 64 kbit/s is more than speech needs.
        stream = container.add_stream(
            "aac",
            rate=sample_rate,
            layout=self._layout,
            options={"b": str(len(audio) * min(128_000, 6 * sample_rate)), "flags": "+bitexact"},
        )
        assert isinstance(stream, AudioStream)
        stream.codec_context.thread_count = 1
        self._stream = stream

    def write_until(self, time: Fraction) -> None:
        """Encode the samples before ``time`` seconds, with silence after the end of the audio."""
        end = round(time * self._rate)
        if end == self._done:
            return
        parts = np.stack([self._part(channel, end) for channel in self._audio])
        frame = AudioFrame.from_ndarray(parts, format="fltp", layout=self._layout)
        frame.sample_rate, frame.time_base, frame.pts = self._rate, Fraction(1, self._rate), self._done
        self._container.mux(self._stream.encode(frame))
        self._done = end

    def _part(self, channel: Sound, end: int) -> Waveform:
        part = np.asarray(channel[self._done : end], np.float32)
        if len(part):
            check_waveform(part, self._where, peak=FULL_SCALE, first=self._done)
        return np.pad(part, (0, end - self._done - len(part)))

    def finish(self) -> None:
        """Flush the encoder of the audio track."""
        self._container.mux(self._stream.encode(None))
