"""Between decoded frames of any pixel format and upright RGB arrays.

YUV is converted with the matrix and range the file states. Where it states none, the players' convention holds: BT.709
for more than 576 lines or at least 1280 columns, else BT.601; limited range.
"""

from __future__ import annotations

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from lt_bench.errors import MediaError
from lt_bench.shapes import UInt8

MAX_SIDE = 8192
"""The largest width or height in pixels that is read or written."""

# Full chroma and accurate rounding: without them a flat colour comes back up to 3 levels off.
_SCALING = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.BITEXACT
)
# ITU-T H.273, table 4 (matrix coefficients); those not listed have no linear conversion in libswscale.
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


def check_size(width: int, height: int) -> None:
    """Refuse sizes beyond ``MAX_SIDE``.

    Raises:
        MediaError: with what was expected and got; the caller's context names the file.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise MediaError(f"expected sides of 1 to {MAX_SIDE} pixels, got {width}x{height}")


def frame_to_rgb(frame: VideoFrame, reformatter: VideoReformatter) -> UInt8[np.ndarray, "H W 3"]:
    """One decoded frame as upright RGB, 0..255; the display matrix (rotation, mirroring) is applied.

    The sample aspect ratio is not, and nothing is deinterlaced: pixels stay as they are stored.

    Raises:
        MediaError: the colours are high dynamic range or of a matrix that has no plain conversion.
    """
    check_size(frame.width, frame.height)
    if frame.color_trc in _HIGH_DYNAMIC_RANGE:
        raise MediaError(f"expected standard dynamic range, got {_HIGH_DYNAMIC_RANGE[frame.color_trc]}")
    # An RGB format ignores the matrix; the argument only keeps the library from reading the frame's own.
    matrix = Colorspace.ITU601 if frame.format.is_rgb else _matrix(frame)
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    rgb = reformatter.reformat(
        frame,
        format="rgb24",
        src_colorspace=matrix,
        dst_colorspace=Colorspace.DEFAULT,
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=_SCALING,
        threads=1,
    ).to_ndarray()
    return np.ascontiguousarray(_upright(rgb, frame))


def rgb_to_frame(rgb: UInt8[np.ndarray, "H W 3"], reformatter: VideoReformatter) -> VideoFrame:
    """RGB to limited-range yuv420p, tagged with the matrix that was used.

    The matrix is BT.601 at every size: readers that honour the tag are right, and so are those that assume BT.601 for
    everything (OpenCV's among them). Primaries and transfer are BT.709's, which are those of sRGB pictures.
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
    """Degrees counterclockwise, 0 to 359, by which the stored frame is turned to stand upright."""
    return int(frame.rotation) % 360


def _matrix(frame: VideoFrame) -> Colorspace:
    stated = int(frame.colorspace)
    if stated in _UNSTATED:
        large = frame.height > 576 or frame.width >= 1280
        return Colorspace.ITU709 if large else Colorspace.ITU601
    if stated not in _MATRICES:
        raise MediaError(f"expected BT.601, BT.709, SMPTE 240M, FCC or BT.2020 colours, got H.273 matrix {stated}")
    return _MATRICES[stated]


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
        raise MediaError(f"expected a rotation by quarter turns, got {frame.rotation} degrees")
    return rgb[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
