"""Small pictures of clips for the report: a frame, the face's box and the crop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.conventions import FPS

if TYPE_CHECKING:
    from data_prep.extraction.crop import Crop
    from data_prep.extraction.face_tracks import Track
    from data_prep.extraction.footage import Footage

THUMBNAILS = "thumbnails"
"""Folder of the cache with a small picture of every filmed clip, rejected ones included."""
JPEG_QUALITY = 80
FACE_COLOUR, CROP_COLOUR = (255, 176, 32), (64, 200, 120)


def draw_thumbnail(footage: Footage, start: int, stop: int, face: Track | None, crop: Crop | None) -> bytes:
    """JPEG of a frame near the middle of a clip, with its face's box (orange) and its crop (green) where known."""
    second = (start + stop) // 2 // FPS * FPS
    frame = second if second >= start else min(second + FPS, stop - 1)
    picture, scale = footage.thumbnail(frame)
    if face is not None:
        nearest = min(face.faces, key=lambda number: abs(number + start - frame))
        x0, y0, x1, y1 = (round(float(v) * scale) for v in face.faces[nearest].box)
        cv2.rectangle(picture, (x0, y0), (x1, y1), FACE_COLOUR, 1, cv2.LINE_AA)
    if crop is not None:
        corners = np.rint(crop.corners * scale).astype(np.int32)
        cv2.polylines(picture, [corners], True, CROP_COLOUR, 1, cv2.LINE_AA)
    return to_jpeg(picture)


def to_jpeg(picture: UInt8[ndarray, "h w 3"]) -> bytes:
    """An RGB picture as JPEG."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return data.tobytes()
