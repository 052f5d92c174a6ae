"""What a container hides of the stored picture is not shown: MP4's clean aperture, Matroska's PixelCrop."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lt_bench.media.cropping import Margins, hidden_margins
from lt_bench.media.video import probe_video, read_frames

HEIGHT, WIDTH = 96, 128
PATH = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def with_aperture(path: Path, numbers: tuple[int, ...], entry: bytes = b"avc1") -> Path:
    """Put a clean aperture into the only track of an MP4 whose tables follow its data."""
    data, atom = bytearray(path.read_bytes()), struct.pack(">I4sIIIIiIiI", 40, b"clap", *numbers)
    place = 0
    for name in (*PATH, entry):
        place = data.index(name, place) - 4
        data[place : place + 4] = struct.pack(">I", struct.unpack(">I", data[place : place + 4])[0] + len(atom))
        size, place = struct.unpack(">I", data[place : place + 4])[0], place + 8
    end = place - 8 + size - len(atom)
    path.write_bytes(data[:end] + atom + data[end:])
    return path


@pytest.fixture
def bordered(make_video: Callable[..., Path]) -> Callable[..., Path]:
    """A white picture with grey borders: 8 pixels left, 16 right, 4 above and 20 below."""

    def make(name: str, **options: object) -> Path:
        picture = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
        picture[4:-20, 8:-16] = 235
        times = [Fraction(k, 25) for k in range(3)]
        return make_video(times, name, Fraction(1, 25), frames=[picture] * 3, **options)

    return make


APERTURE = (104, 1, 72, 1, -8, 2, -16, 2)
"""104x72, its centre 4 pixels left of and 8 above the picture's."""


def margins(path: Path) -> Margins:
    with av.open(str(path)) as container:
        return hidden_margins(path, container.format.name, container.streams.video[0])


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
def test_the_clean_aperture_of_an_mp4_is_what_is_shown(bordered: Callable[..., Path], name: str) -> None:
    path = with_aperture(bordered(name), APERTURE)
    assert margins(path) == Margins(8, 4, 16, 20)
    frames = read_frames(path)
    assert frames.shape == (3, 72, 104, 3)
    assert frames.min() > 225
    info = probe_video(path)
    assert (info.width, info.height) == (104, 72)


def test_the_pixel_crop_of_a_matroska_is_what_is_shown(bordered: Callable[..., Path], remux) -> None:
    path = remux(with_aperture(bordered("a.mp4"), APERTURE), "a.mkv", lambda stream: None)
    assert margins(path) == Margins(8, 4, 16, 20)  # FFmpeg's own, which it carries from one container to the other
    frames = read_frames(path)
    assert frames.shape == (3, 72, 104, 3)
    assert frames.min() > 225


def test_margins_are_pixels_of_the_stored_picture(bordered: Callable[..., Path]) -> None:
    def squeeze(stream: av.VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = Fraction(2)

    frames = read_frames(with_aperture(bordered("a.mp4", setup=squeeze), APERTURE))
    assert frames.shape == (3, 72, 208, 3)
    assert frames[:, :, 4:-4].min() > 225


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi", "a.ts"])
def test_without_it_the_whole_picture_is_shown(bordered: Callable[..., Path], name: str) -> None:
    codec = {"a.webm": "libvpx-vp9"}.get(name, "libx264")
    path = bordered(name, codec=codec)
    assert margins(path) == Margins()
    assert read_frames(path).shape == (3, HEIGHT, WIDTH, 3)


def test_damaged_headers_say_nothing(bordered: Callable[..., Path], tmp_path: Path, remux) -> None:
    sources = [with_aperture(bordered("a.mp4"), APERTURE), remux(tmp_path / "a.mp4", "a.mkv", lambda stream: None)]
    rng = np.random.default_rng(0)
    for source in sources:
        with av.open(str(source)) as container:
            name, stream = container.format.name, container.streams.video[0]
            whole = np.frombuffer(source.read_bytes(), np.uint8)
            for trial in range(300):
                data = whole.copy()
                places = rng.integers(len(data), size=rng.integers(1, 40))
                data[places] = rng.integers(0, 256, len(places))
                (tmp_path / "damaged").write_bytes(
                    data[: rng.integers(len(data)) if trial % 3 == 0 else None].tobytes()
                )
                found = hidden_margins(tmp_path / "damaged", name, stream)
                assert min(found.left, found.top, found.right, found.bottom) >= 0
