"""Keeping a clip's square inside the picture, so that no pixel of it is invented.

A square that leaves the picture is moved inside; one that is too large for it is made smaller first, but never smaller
than the face. Where the face itself reaches beyond the picture, border pixels are repeated, and their share of the
square is held against a limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from data_prep.extraction.crop import Crop
from data_prep.extraction.crop_methods import Given, face_union, find_crop
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig


@dataclass(frozen=True)
class FittedCrop:
    """A clip's square, and how much of it is no picture."""

    crop: Crop
    invented: float
    """Share of the square beyond the picture's border, 0..1."""


def fitted_crop(
    landmarks: Float[ndarray, "F K xy"],
    config: CropConfig,
    size: tuple[int, int],
    limit: float,
    given: Given | None = None,
) -> FittedCrop:
    """Find a clip's square by the configured method and fit it into the picture.

    Args:
        landmarks: x and y in pixels (more columns are ignored); NaN in frames without a face.
        config: which method, and its numbers.
        size: width and height of the picture in pixels.
        limit: largest share of the square that may be invented.
        given: of the data set's list, for the methods ``window`` and ``ratio``.

    Raises:
        RejectionError: more is invented, the face leaves its place, or the method lacks what it needs.
        FaceError: no frame has a face, or it is too small.
    """
    crop = fit(find_crop(landmarks, config, given, size[1]), face_union(landmarks, config), size)
    invented = invented_share(crop, size)
    if invented > limit:
        text = f"expected a face within the picture, got a crop of which {invented:.1%} lies beyond its border"
        raise RejectionError("border", text, invented, limit)
    return FittedCrop(crop, invented)


def fit(crop: Crop, union: Float[ndarray, " 4"], size: tuple[int, int]) -> Crop:
    """Move a square inside the picture, made smaller where it must be, so that it still holds the face.

    Args:
        crop: the square.
        union: x0, y0, x1, y1 of the face over all frames.
        size: width and height of the picture in pixels.
    """
    angle = math.radians(crop.roll)
    spread = abs(math.cos(angle)) + abs(math.sin(angle))
    least = math.ceil(float((union[2:] - union[:2]).max()))
    side = min(crop.side, max(int(min(size) / spread), least))
    corner = []
    for axis, (start, extent) in enumerate(zip((crop.x, crop.y), size, strict=True)):
        centre = start + crop.side / 2
        inside = sorted((side * spread / 2, extent - side * spread / 2))
        holding = (float(union[2 + axis]) - side / 2, float(union[axis]) + side / 2)
        held = union[axis] >= start and union[2 + axis] <= start + crop.side
        centre = min(max(centre, inside[0]), inside[1])
        if held and holding[0] <= holding[1]:
            centre = min(max(centre, holding[0]), holding[1])
        corner.append(math.floor(centre - side / 2 + 0.5))
    return Crop(corner[0], corner[1], side, crop.roll)


def invented_share(crop: Crop, size: tuple[int, int]) -> float:
    """Share of a square that lies beyond a picture of ``size`` (width, height), 0..1."""
    width, height = size
    picture = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    shared, _ = cv2.intersectConvexConvex(crop.corners.astype(np.float32), picture)
    return round(max(0.0, 1 - shared / crop.side**2), 6)
