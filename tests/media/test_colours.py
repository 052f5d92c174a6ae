"""Colours survive every pixel format, matrix and range; the YUV expected is computed by the standards' formulas."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lt_bench.errors import ColourError, MediaError
from lt_bench.media.video import iter_frames, read_frames, write_video

COLOURS = [(255, 255, 255), (0, 0, 0), (200, 30, 40), (20, 180, 60), (30, 60, 210), (224, 172, 150), (90, 60, 45)]
KR_KB = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
MATRIX = {"601": 6, "709": 1, "2020": 9}


def yuv_of(colour: tuple[int, int, int], matrix: str, full: bool, bits: int) -> list[int]:
    """ITU-R BT.601 / 709 / 2020: Y', Cb, Cr of one colour, quantised."""
    red, green, blue = (value / 255 for value in colour)
    kr, kb = KR_KB[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    scale, top = 2 ** (bits - 8), 2**bits - 1
    if full:
        return [round(luma * top), *(min(top, round(c * top + 2 ** (bits - 1))) for c in chroma)]
    return [round((16 + 219 * luma) * scale), *(round((128 + 224 * c) * scale) for c in chroma)]


def write_raw(
    path: Path,
    pix_fmt: str,
    planes: list[int],
    matrix: int,
    full: bool,
    size=(32, 48),
    trc: int = 1,
    primaries: int = 2,
) -> None:
    """One flat lossless frame with exactly these plane values and these tags."""
    frame = av.VideoFrame(size[1], size[0], pix_fmt)
    kind = np.uint16 if "10" in pix_fmt else np.uint8
    for plane, value in zip(frame.planes, planes, strict=True):
        plane.update(np.full(plane.buffer_size // np.dtype(kind).itemsize, value, kind).tobytes())
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    frame.colorspace, frame.color_range, frame.color_trc = matrix, 2 if full else 1, trc
    frame.color_primaries = primaries
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_range, context.color_trc = matrix, 2 if full else 1, trc
        context.color_primaries = primaries
        container.mux([*stream.encode(frame), *stream.encode(None)])


@pytest.mark.parametrize("matrix", ["601", "709", "2020"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le", "yuv422p10le"])
def test_a_flat_colour_is_read_by_its_tags(tmp_path: Path, matrix: str, full: bool, pix_fmt: str) -> None:
    bits = 10 if "10" in pix_fmt else 8
    for colour in COLOURS:
        path = tmp_path / "flat.mkv"
        write_raw(path, pix_fmt, yuv_of(colour, matrix, full, bits), MATRIX[matrix], full)
        got = next(iter_frames(path))
        assert np.abs(got.astype(int) - colour).max() <= 3, colour
        assert np.ptp(got.astype(int), axis=(0, 1)).max() <= 1


@pytest.mark.parametrize(
    ("size", "matrix"), [((288, 360), "601"), ((576, 720), "601"), ((720, 1280), "709"), ((1024, 1024), "709")]
)
def test_without_tags_size_decides_between_601_and_709(tmp_path: Path, size, matrix: str) -> None:
    colour = (200, 30, 40)
    write_raw(tmp_path / "untagged.mkv", "yuv420p", yuv_of(colour, matrix, False, 8), 2, False, size)
    assert np.abs(next(iter_frames(tmp_path / "untagged.mkv")).astype(int) - colour).max() <= 3


@pytest.mark.parametrize(("trc", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused_not_washed_out(tmp_path: Path, trc: int, name: str) -> None:
    write_raw(tmp_path / "hdr.mkv", "yuv420p10le", [512, 512, 512], 9, False, trc=trc)
    expected = rf"hdr\.mkv: frame 0: expected standard dynamic range, got {name}; convert with ffmpeg .*tonemap"
    with pytest.raises(ColourError, match=expected):
        next(iter_frames(tmp_path / "hdr.mkv"))


@pytest.mark.parametrize(("primaries", "name"), [(9, "BT.2020"), (12, "Display P3")])
def test_a_wide_gamut_is_refused_not_washed_out(tmp_path: Path, primaries: int, name: str) -> None:
    write_raw(tmp_path / "wide.mkv", "yuv420p", [128, 128, 128], 1, False, primaries=primaries)
    with pytest.raises(ColourError, match=rf"wide\.mkv: .*got {name}; convert with ffmpeg -vf zscale=p=bt709"):
        next(iter_frames(tmp_path / "wide.mkv"))


@pytest.mark.parametrize("alpha", [255, 0])
def test_transparent_pixels_are_refused_and_opaque_ones_are_not(tmp_path: Path, alpha: int) -> None:
    colour = (200, 30, 40)
    write_raw(tmp_path / "veil.mkv", "yuva420p", [*yuv_of(colour, "601", False, 8), alpha], 6, False)
    if alpha:
        assert np.abs(next(iter_frames(tmp_path / "veil.mkv")).astype(int) - colour).max() <= 3
        return
    with pytest.raises(ColourError, match=r"veil\.mkv: frame 0: expected opaque pictures, got transparent pixels"):
        next(iter_frames(tmp_path / "veil.mkv"))


def test_an_unknown_matrix_is_refused(tmp_path: Path) -> None:
    write_raw(tmp_path / "ycgco.mkv", "yuv444p", [128, 128, 128], 8, False)
    with pytest.raises(MediaError, match=r"ycgco\.mkv: frame 0: expected BT\.601.*got H\.273 matrix 8"):
        next(iter_frames(tmp_path / "ycgco.mkv"))


@pytest.mark.parametrize("size", [(64, 64), (720, 1280)])
def test_written_colours_come_back_at_every_size(tmp_path: Path, size) -> None:
    for colour in COLOURS[2:5]:
        write_video(tmp_path / "flat.mp4", [np.full((*size, 3), colour, np.uint8)] * 2, preset="ultrafast")
        got = read_frames(tmp_path / "flat.mp4")
        assert np.abs(got.astype(int) - colour).max() <= 4


@pytest.mark.parametrize("size", [(64, 64), (720, 1280)])
def test_readers_that_ignore_tags_see_the_same_colours(tmp_path: Path, size) -> None:
    import cv2

    colour = (200, 30, 40)
    write_video(tmp_path / "flat.mp4", [np.full((*size, 3), colour, np.uint8)] * 2, preset="ultrafast")
    capture = cv2.VideoCapture(str(tmp_path / "flat.mp4"))
    found, frame = capture.read()
    capture.release()
    assert found
    assert np.abs(frame[..., ::-1].astype(int) - colour).max() <= 5


def test_tags_state_the_conversion(tmp_path: Path) -> None:
    write_video(tmp_path / "tagged.mp4", [np.zeros((32, 32, 3), np.uint8)] * 2)
    with av.open(str(tmp_path / "tagged.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.format.name == "yuv420p"
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (6, 1, 1, 1)
