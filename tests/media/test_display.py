"""Frames are what a player shows: square pixels and whole pictures, whatever is stored."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.filter import Graph

from lt_bench.errors import MediaError
from lt_bench.media.colour import display_size
from lt_bench.media.resampling import Span
from lt_bench.media.video import iter_frames, probe_video, read_frames

HEIGHT, WIDTH, RATE = 96, 128, 25


def disc(width: int, height: int) -> np.ndarray:
    """A white disc that touches three quarters of a black picture's height, squeezed to a stored size."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    inside = ((x / width - 0.5) * 4) ** 2 + ((y / height - 0.5) * 3) ** 2 < 1.125**2
    return np.where(inside[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)


def stretched(path: Path, ratio: Fraction, size: tuple[int, int], codec: str) -> Path:
    """Two frames of a disc, round at 4:3, stored at a size (width, height) with a pixel's shape."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.sample_aspect_ratio = ratio
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(disc(*size), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.mpg", "mpeg2video")])
@pytest.mark.parametrize(
    ("stored", "ratio", "shown"),
    [
        ((96, 96), Fraction(4, 3), (128, 96)),
        ((128, 64), Fraction(2, 3), (128, 96)),
        ((128, 96), Fraction(1), (128, 96)),
    ],
)
def test_pixels_become_square(tmp_path: Path, name, codec, stored, ratio, shown) -> None:
    path = stretched(tmp_path / name, ratio, stored, codec)
    frame = next(iter_frames(path))
    assert frame.shape == (96, 128, 3)
    info = probe_video(path)
    assert (info.width, info.height) == (128, 96)
    white = frame[..., 0] > 127
    wide, high = white.any(axis=0).sum(), white.any(axis=1).sum()
    assert wide == pytest.approx(high, abs=2)


def test_no_pixel_is_lost_and_absurd_ratios_are_refused() -> None:
    assert display_size(720, 576, Fraction(16, 15)) == (768, 576)
    assert display_size(720, 480, Fraction(10, 11)) == (720, 528)
    assert display_size(854, 480, Fraction(1280, 1281)) == (854, 480)
    assert display_size(64, 48, None) == display_size(64, 48, Fraction(0)) == (64, 48)
    for ratio in (Fraction(1, 100), Fraction(100)):
        with pytest.raises(MediaError, match=r"expected a sample aspect ratio of 1/8 to 8, got .*; set it with ffmpeg"):
            display_size(64, 48, ratio)
    with pytest.raises(MediaError, match="expected sides of 1 to 8192"):
        display_size(4096, 64, Fraction(4))


def moving(count: int) -> list[np.ndarray]:
    """A smooth vertical bar that moves by 4 pixels a field."""
    x = np.arange(WIDTH)
    return [
        np.broadcast_to(
            np.rint(40 + 180 * np.exp(-(((x - 20 - 4 * k) / 8) ** 2)))[None, :, None], (HEIGHT, WIDTH, 3)
        ).astype(np.uint8)
        for k in range(count)
    ]


@pytest.fixture
def woven(tmp_path: Path) -> Callable[..., Path]:
    """Interlaced video: each frame's lines are taken in turn from two pictures, one field apart."""

    def make(name: str, top_first: bool, marked: bool = True) -> Path:
        fields = moving(2 * 10)
        with av.open(str(tmp_path / name), "w") as target:
            stream = target.add_stream("libx264", rate=RATE, options={"qp": "0", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            if marked:
                stream.codec_context.flags |= 1 << 29 | 1 << 18  # interlaced motion and DCT
            graph = Graph()
            source = graph.add_buffer(width=WIDTH, height=HEIGHT, format="yuv420p", time_base=Fraction(1, RATE))
            order = ("tff" if top_first else "bff") if marked else "prog"
            graph.link_nodes(source, graph.add("setfield", order), graph.add("buffersink")).configure()
            later = slice(1 if top_first else 0, None, 2)
            for number in range(10):
                picture = fields[2 * number].copy()
                picture[later] = fields[2 * number + 1][later]
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                graph.vpush(frame)
                target.mux(stream.encode(graph.vpull()))
            target.mux(stream.encode(None))
        return tmp_path / name

    return make


def comb(frame: np.ndarray) -> float:
    """How much neighbouring lines differ from each other, over how lines two apart do."""
    lines = frame[8:-8, :, 1].astype(float)
    return float(np.abs(lines[1:] - lines[:-1]).mean())


@pytest.mark.parametrize("top_first", [True, False])
def test_interlaced_video_is_shown_without_a_comb(woven, top_first: bool) -> None:
    path = woven("a.mp4", top_first)
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    frames = read_frames(path)
    assert frames.shape == (10, HEIGHT, WIDTH, 3)
    assert max(comb(frame) for frame in frames[1:-1]) < 2
    whole = np.stack(moving(20)[::2])
    assert np.abs(frames[1:-1].astype(int) - whole[1:-1]).mean() < 3
    assert len(list(iter_frames(path, span=Span.of_seconds(0.2)))) == 5


def test_the_test_sees_a_comb(woven) -> None:
    assert comb(read_frames(woven("plain.mp4", True, marked=False))[5]) > 10
