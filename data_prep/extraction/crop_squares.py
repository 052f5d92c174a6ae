"""The crop methods of the package: from the face's landmarks, or from the data set's list."""

from __future__ import annotations

import numpy as np

from data_prep.extraction.crop import Crop
from data_prep.extraction.crop_methods import ClipFaces, CropMethod, square_around
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig

EYES = ((33, 133), (263, 362))
"""MediaPipe's corners of the eyes, first those on the image's left."""
MOUTH = (61, 291)


class StableCrop(CropMethod):
    """A square around the union of the face's boxes.

    Its side is the union's larger side times ``scale``, its center above the union's by ``rise`` times that side, since
    landmarks end at the hairline.
    """

    name = "stable"

    def find(self, faces: ClipFaces, config: CropConfig) -> Crop:
        """Find the square."""
        union = faces.union
        larger = float((union[2:] - union[:2]).max())
        return square_around((union[:2] + union[2:]) / 2 - (0, config.rise * larger), config.scale * larger)


class RatioCrop(CropMethod):
    """A square around the union of the face's boxes, enlarged by the list's factor (HDTF's second way)."""

    name = "ratio"

    def find(self, faces: ClipFaces, config: CropConfig) -> Crop:
        """Find the square.

        Raises:
            RejectionError: the list has no factor.
        """
        union, ratio = faces.union, faces.given.ratio
        if not ratio:
            raise RejectionError("crop", "expected a factor for the crop in the list, got none")
        return square_around((union[:2] + union[2:]) / 2, ratio * float((union[2:] - union[:2]).max()))


class WindowCrop(CropMethod):
    """The fixed window of the data set's list, in pixels of its reference resolution (HDTF's first way)."""

    name = "window"

    def find(self, faces: ClipFaces, config: CropConfig) -> Crop:
        """Find the square.

        Raises:
            RejectionError: the list has no window, or the face lies outside it.
        """
        union, given = faces.union, faces.given
        if given.problem or not given.side:
            raise RejectionError("crop", given.problem or "expected a window in the list, got none")
        scale = faces.height / given.reference
        center = np.array([given.x + given.side / 2, given.y + given.side / 2]) * scale
        middle = (union[:2] + union[2:]) / 2
        if (np.abs(middle - center) > given.side * scale / 2).any():
            raise RejectionError("crop", "expected the face within the list's window, got it outside (another edit?)")
        return square_around(center, given.side * scale)


class FfhqCrop(CropMethod):
    """The square by which FFHQ is aligned (Karras et al., arXiv 1812.04948, appendix A), once for the clip.

    Center and side follow from eyes and mouth of the median landmarks, and the square is turned so that the eyes are
    level.
    """

    name = "ffhq"

    def find(self, faces: ClipFaces, config: CropConfig) -> Crop:
        """Find the square."""
        points = np.nanmedian(faces.landmarks[..., :2].astype(np.float64), axis=0)
        left, right = (points[list(corners)].mean(axis=0) for corners in EYES)
        eyes, mouth = (left + right) / 2, points[list(MOUTH)].mean(axis=0)
        across, down = right - left, mouth - eyes
        axis = across - np.array([-down[1], down[0]])
        side = 2 * max(2.0 * float(np.linalg.norm(across)), 1.8 * float(np.linalg.norm(down)))
        roll = round(float(np.degrees(np.arctan2(axis[1], axis[0]))), 2)
        return square_around(eyes + 0.1 * down, side, roll)
