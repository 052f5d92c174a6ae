"""Conversion between decoded frames of any pixel format and upright RGB arrays of square pixels.

YUV is converted with the matrix and range that the file states. Without a statement, the convention of players applies:
BT.709 for more than 576 lines or at least 1280 columns, otherwise BT.601; limited range. High dynamic range and wide
gamuts, whose colors a plain conversion would change, are refused with the command that converts them.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from lt_bench.errors import ColourError, MediaError
from lt_bench.media.cropping import Margins
from lt_bench.shapes import UInt8

MAX_SIDE = 8192
"""The largest width or height in pixels that is read or written."""

# Full chroma and accurate rounding are needed, because otherwise a flat color changes by up to 3 levels.
_SCALING = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)
# ITU-T H.273, table 4 (matrix coefficients); other matrices have no linear conversion in libswscale.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
_UNSTATED = (2, 3)
_HIGH_DYNAMIC_RANGE = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}
_TONE_MAP = "zscale=t=linear:npl=100,tonemap=hable,zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p"
# ITU-T H.273, table 2 (color primaries): gamuts that are much wider than sRGB's, so skin would turn pale if they were
# read as sRGB. BT.601's and BT.709's differ little, and players confuse them.
_WIDE_GAMUT = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_NARROW = "zscale=p=bt709:t=bt709:m=bt709:r=tv,format=yuv420p"
OPAQUE = 250
"""Minimum alpha (0..255) of an opaque pixel; a lossy codec's alpha can be slightly below 255."""
MAX_STRETCH = 8
"""The largest plausible pixel aspect ratio, in either direction; broken headers state absurd ones."""


def check_size(width: int, height: int) -> None:
    """Check that both sides are within ``MAX_SIDE``.

    Raises:
        MediaError: the message gives the limit and the size; the caller's context names the file.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise MediaError(f"expected sides of 1 to {MAX_SIDE} pixels, got {width}x{height}; scale it first")


def display_size(width: int, height: int, ratio: Fraction | None) -> tuple[int, int]:
    """Return width and height in square pixels of a stored picture; one side grows, and neither shrinks.

    Args:
        width: width of the stored picture.
        height: height of the stored picture.
        ratio: width divided by height of a pixel (sample aspect ratio); None or 0 if the file states none.

    Raises:
        MediaError: the ratio is absurd, or the picture is too large.
    """
    if not ratio or ratio == 1:
        return width, height
    if not Fraction(1, MAX_STRETCH) <= ratio <= MAX_STRETCH:
        raise MediaError(
            f"expected a sample aspect ratio of 1/{MAX_STRETCH} to {MAX_STRETCH}, got {ratio}; set it with "
            "ffmpeg -vf setsar"
        )
    size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
    check_size(*size)
    return size


def frame_to_rgb(
    frame: VideoFrame, reformatter: VideoReformatter, ratio: Fraction | None = None, hidden: Margins | None = None
) -> UInt8[np.ndarray, "H W 3"]:
    """Convert a decoded frame as a player shows it: upright RGB, 0..255, with square pixels.

    Args:
        frame: a whole picture; its display matrix (rotation, mirroring) is applied.
        reformatter: kept over the frames of a video.
        ratio: width over height of a stored pixel; None for square ones.
        hidden: margins of the stored picture that are not shown; None shows all of it.

    Raises:
        ColourError: the colors have a high dynamic range or a wide gamut, or pixels are transparent.
        MediaError: the color matrix has no plain conversion, or the picture is too large.
    """
    check_size(frame.width, frame.height)
    width, height = display_size(frame.width, frame.height, ratio)
    _check_colours(frame)
    # An RGB format ignores the matrix; the argument prevents the library from reading the frame's own.
    matrix = Colorspace.ITU601 if frame.format.is_rgb else _matrix(frame)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    veiled = any(component.is_alpha for component in frame.format.components)
    pixels = reformatter.reformat(
        frame,
        width=width,
        height=height,
        format="rgba" if veiled else "rgb24",
        src_colorspace=matrix,
        dst_colorspace=Colorspace.DEFAULT,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
        threads=1,
    ).to_ndarray()
    if veiled and pixels[..., 3].min() < OPAQUE:
        raise ColourError(
            "expected opaque pictures, got transparent pixels, which every player shows before another background; "
            "lay them over one with ffmpeg's filter overlay"
        )
    shown = pixels[..., :3] if hidden is None else _without(pixels[..., :3], hidden, frame)
    return np.ascontiguousarray(_upright(shown, frame))


def rgb_to_frame(rgb: UInt8[np.ndarray, "H W 3"], reformatter: VideoReformatter) -> VideoFrame:
    """Convert RGB to limited-range yuv420p, tagged with the matrix used.

    The matrix is BT.601 at every size, so readers that follow the tag are correct, and so are readers that always
    assume BT.601 (such as OpenCV). Primaries and transfer are BT.709's, which are those of sRGB pictures.
    """
    frame = reformatter.reformat(
        VideoFrame.from_ndarray(rgb, format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALING,
        threads=1,
    )
    frame.color_primaries = ColorPrimaries.BT709
    frame.color_trc = ColorTrc.BT709
    return frame


def rotation_degrees(frame: VideoFrame) -> int:
    """Return the counterclockwise rotation, 0 to 359 degrees, that turns the stored frame upright."""
    return int(frame.rotation) % 360


def _check_colours(frame: VideoFrame) -> None:
    transfer = _HIGH_DYNAMIC_RANGE.get(int(frame.color_trc))
    if transfer is not None:
        raise ColourError(f"expected standard dynamic range, got {transfer}; convert with ffmpeg -vf {_TONE_MAP}")
    gamut = _WIDE_GAMUT.get(int(frame.color_primaries))
    if gamut is not None:
        raise ColourError(f"expected BT.709 or BT.601 primaries, got {gamut}; convert with ffmpeg -vf {_NARROW}")


def _matrix(frame: VideoFrame) -> Colorspace:
    stated = int(frame.colorspace)
    if stated in _UNSTATED:
        large = frame.height > 576 or frame.width >= 1280
        return Colorspace.ITU709 if large else Colorspace.ITU601
    if stated not in _MATRICES:
        raise MediaError(
            f"expected BT.601, BT.709, SMPTE 240M, FCC or BT.2020 colours, got H.273 matrix {stated}; convert with "
            f"ffmpeg -vf {_NARROW}"
        )
    return _MATRICES[stated]


def _without(pixels: np.ndarray, hidden: Margins, frame: VideoFrame) -> np.ndarray:
    """Cut margins off, which are in pixels of the stored picture."""
    height, width, _ = pixels.shape
    across, down = width / frame.width, height / frame.height
    left, right = round(hidden.left * across), width - round(hidden.right * across)
    top, bottom = round(hidden.top * down), height - round(hidden.bottom * down)
    return pixels[top:bottom, left:right]


def _upright(rgb: np.ndarray, frame: VideoFrame) -> np.ndarray:
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return rgb
    # Row-major 3x3 of 16.16 fixed point: a pixel at (x, y) is shown at (a x + c y, b x + d y), up to a shift.
    a, b, _, c, d = np.frombuffer(bytes(matrix), dtype=np.int32)[:5] / 65536
    if np.allclose([b, c], 0, atol=1e-3):
        across, down = a, d
    elif np.allclose([a, d], 0, atol=1e-3):
        rgb, across, down = rgb.transpose(1, 0, 2), c, b
    else:
        raise MediaError(
            f"expected a rotation by quarter turns, got {frame.rotation} degrees; turn it with ffmpeg -vf rotate"
        )
    return rgb[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
