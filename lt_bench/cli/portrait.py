"""A user's picture as a portrait."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lt_bench.shapes import UInt8


def square_portrait(picture: UInt8[np.ndarray, "H W 3"], side: int, face: bool) -> UInt8[np.ndarray, "side side 3"]:
    """A portrait as models are trained on it: cut out and resized like a frame of a prepared clip.

    Args:
        picture: RGB, 0..255.
        side: of the result, in pixels.
        face: crop around the face, as real clips are; else take the centre square.

    Raises:
        FaceError: no face, it is too small, or it reaches beyond the picture.
        AssetError: the face landmarker's weights are not here.
    """
    from data_prep.crop import Crop, apply_crop
    from data_prep.crop_fit import fitted_crop
    from data_prep.rules import RejectionError
    from lt_bench.config.data import CropConfig, QualityConfig
    from lt_bench.errors import FaceError

    height, width = picture.shape[:2]
    if face:
        from lt_bench.perception.faces import FaceLandmarker

        with FaceLandmarker() as landmarker:
            landmarks = landmarker.track([picture]).landmarks
        try:
            crop = fitted_crop(landmarks, CropConfig(), (width, height), QualityConfig().max_invented).crop
        except RejectionError as error:
            raise FaceError(str(error)) from None
    else:
        shorter = min(height, width)
        crop = Crop((width - shorter) // 2, (height - shorter) // 2, shorter)
    return apply_crop(picture, crop, side)
