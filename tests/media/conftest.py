"""Making small media files of any kind with PyAV alone, apart from the package's own writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

SIZE = (48, 64)
"""Height and width of numbered frames."""


def numbered_frame(index: int) -> np.ndarray:
    """A grey picture that carries a number below 256 in its two halves."""
    frame = np.zeros((*SIZE, 3), np.uint8)
    frame[:, :32], frame[:, 32:] = index % 16 * 16, index // 16 * 16
    return frame


def frame_number(frame: np.ndarray) -> int:
    """The number that a picture of ``numbered_frame`` carries after compression."""
    low, high = frame[8:-8, 8:24].mean(), frame[8:-8, 40:56].mean()
    return round(low / 16) + 16 * round(high / 16)


@pytest.fixture
def number_of() -> Callable[[np.ndarray], int]:
    return frame_number


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., Path]:
    """Write numbered (or given) frames at given times; optionally sound that starts at a given time."""

    def make(
        times: Sequence[Fraction | float],
        name: str = "made.mp4",
        time_base: Fraction = Fraction(1, 90000),
        codec: str = "libx264",
        frames: Sequence[np.ndarray] | None = None,
        pix_fmt: str = "yuv420p",
        rate: Fraction | int = 25,
        options: dict[str, str] | None = None,
        setup: Callable[[Any], None] | None = None,
        audio: np.ndarray | None = None,
        audio_start: float = 0.0,
        audio_codec: str = "aac",
    ) -> Path:
        path = tmp_path / name
        pictures = [numbered_frame(i) for i in range(len(times))] if frames is None else frames
        default = {"qp": "0", "preset": "ultrafast"} if codec == "libx264" else {}
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate, options=default if options is None else options)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = pix_fmt
            stream.codec_context.time_base = time_base
            if setup is not None:
                setup(stream)
            sound = None
            if audio is not None:
                sound = container.add_stream(audio_codec, rate=16000, layout="mono")
            for time, picture in zip(times, pictures, strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
                frame.pts, frame.time_base = round(Fraction(time) / time_base), time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if sound is not None:
                _encode_sound(container, sound, audio, audio_start)
        return path

    return make


def _encode_sound(container: Any, stream: Any, audio: np.ndarray, start: float) -> None:
    fmt = stream.codec_context.format.name
    samples = audio.astype(np.float32) if fmt.startswith("flt") else np.rint(audio * 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format=fmt, layout="mono")
    frame.sample_rate, frame.time_base, frame.pts = 16000, Fraction(1, 16000), round(start * 16000)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@pytest.fixture
def remux(tmp_path: Path) -> Callable[..., Path]:
    """Copy the packets of a video file into another container, with the output stream set up as wanted."""

    def copy(source: Path, name: str, setup: Callable[[Any], None]) -> Path:
        path = tmp_path / name
        with av.open(str(source)) as given, av.open(str(path), "w") as container:
            streams = {s.index: container.add_stream_from_template(s) for s in given.streams}
            setup(streams[given.streams.video[0].index])
            for packet in given.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    container.mux(packet)
        return path

    return copy


def click_at(seconds: float, length: float, sample_rate: int = 16000) -> np.ndarray:
    """Silence with one short click: a windowed burst of 2 kHz centred on a time."""
    time = np.arange(round(length * sample_rate)) / sample_rate - seconds
    return (0.8 * np.cos(2 * np.pi * 2000 * time) * np.exp(-((time / 0.0005) ** 2))).astype(np.float32)


@pytest.fixture
def click() -> Callable[..., np.ndarray]:
    return click_at


@pytest.fixture
def smooth_video() -> np.ndarray:
    """50 frames of slowly moving colour gradients, (50, 64, 96, 3)."""
    y, x = np.mgrid[0:64, 0:96] / 64
    frames = []
    for k in range(50):
        waves = [np.sin(2 * np.pi * (0.4 * x + 0.3 * y + shift + k / 50)) for shift in (0, 0.3, 0.6)]
        frames.append(np.stack(waves, axis=-1) * 90 + 128)
    return np.rint(np.array(frames)).astype(np.uint8)
