"""A user's picture as a portrait for a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lt_bench.perception.faces import Face, FaceLandmarker
    from lt_bench.shapes import UInt8

MOST_FACES = 5
"""Number of faces looked for in a picture; the largest is taken."""


@dataclass(frozen=True)
class Portrait:
    """A portrait in the form that models are trained on."""

    square: UInt8[np.ndarray, "side side 3"]
    remarks: tuple[str, ...] = ()
    """Decisions about the picture, one line each."""


def square_portrait(picture: UInt8[np.ndarray, "H W 3"], side: int, face: bool) -> Portrait:
    """Cut out a portrait and resize it like a frame of a prepared clip.

    Args:
        picture: RGB, 0..255.
        side: side of the result in pixels.
        face: crop around the face, as in real clips; otherwise take the center square.

    Raises:
        FaceError: there is no face, it is too small, or it reaches beyond the picture.
        AssetError: the face landmarker's weights are absent.
    """
    from data_prep.extraction.crop import Crop, apply_crop

    if face:
        return _around_face(picture, side)
    height, width = picture.shape[:2]
    shorter = min(height, width)
    crop = Crop((width - shorter) // 2, (height - shorter) // 2, shorter)
    return Portrait(apply_crop(picture, crop, side))


def _around_face(picture: UInt8[np.ndarray, "H W 3"], side: int) -> Portrait:
    from data_prep.extraction.crop import apply_crop
    from data_prep.extraction.crop_fit import fitted_crop
    from data_prep.rules import RejectionError
    from lt_bench.config.data import CropConfig, QualityConfig
    from lt_bench.errors import FaceError
    from lt_bench.perception.faces import FaceLandmarker

    with FaceLandmarker(MOST_FACES) as landmarker:
        upright, quarters, faces = _upright(picture, landmarker)
    if not faces:
        raise FaceError("expected a face, got none, however the picture is turned")
    remarks = []
    if quarters:
        remarks.append(f"its face lies on its side: the picture was turned by {90 * quarters} degrees to the left")
    chosen = max(faces, key=lambda found: found.size)
    if len(faces) > 1:
        x, y = (round(float(value)) for value in chosen.centre)
        remarks.append(f"{len(faces)} faces: the largest was taken, at x {x}, y {y}")
    height, width = upright.shape[:2]
    try:
        limit = QualityConfig().max_invented
        crop = fitted_crop(chosen.landmarks[None], CropConfig(), (width, height), limit).crop
    except RejectionError as error:
        raise FaceError(str(error)) from None
    return Portrait(apply_crop(upright, crop, side), tuple(remarks))


def _upright(
    picture: UInt8[np.ndarray, "H W 3"], landmarker: FaceLandmarker
) -> tuple[UInt8[np.ndarray, "H W 3"], int, list[Face]]:
    """Turn the picture so that its largest face is upright; return it, the quarter turns to the left, and the faces."""
    import numpy as np

    for quarters in (0, 1, 3, 2):
        turned = np.ascontiguousarray(np.rot90(picture, quarters))
        faces = landmarker.detect(turned)
        if not faces:
            continue
        roll = float(max(faces, key=lambda found: found.size).pose[2])
        more = round(roll / (np.pi / 2)) % 4
        if more == 0:
            return turned, quarters, faces
        again = np.ascontiguousarray(np.rot90(turned, more))
        if found := landmarker.detect(again):
            return again, (quarters + more) % 4, found
        return turned, quarters, faces
    return picture, 0, []
