"""Face identity: dlib's face recognition network (D. King, ResNet with 29 layers, 2017), 128 numbers per face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.errors import FaceError
from lt_bench.files import sha256_json
from lt_bench.shapes import Float, UInt8

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
SIDE, PADDING = 150, 0.25
"""Side of the aligned picture that the network was trained on, and the padding around the template on each side."""
# MediaPipe's points for dlib's five, in dlib's order: the outer and inner corner of the eye on the image's right, the
# same of the eye on its left, and the base of the nose.
POINTS = (263, 362, 33, 133, 2)
# Their positions in dlib's aligner, as fractions of the picture without padding (get_face_chip_details, dlib 19.8 on).
TEMPLATE = np.array(
    [
        (0.8595674595992, 0.2134981538014),
        (0.6460604764104, 0.2289674387677),
        (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242),
        (0.4901123135679, 0.6277975316475),
    ]
)


class DlibFaceEmbedder:
    """Embeds one face of a frame, aligned by five of MediaPipe's landmarks; about 0.1 s per face on one core.

    Compare embeddings by Euclidean distance. Two faces of one person have a distance of about 0.2 (same video) to 0.3
    (another video), and faces of two people about 0.8. Weights are read at first use.
    """

    name = "dlib_resnet"
    dim = 128

    def __init__(self) -> None:
        self._network: Any = None

    @property
    def hash(self) -> str:
        """Return the SHA-256 over the weights' pinned hash and the alignment; no file is needed."""
        return sha256_json([self.name, asset(WEIGHTS).sha256, SIDE, PADDING, POINTS, TEMPLATE.tolist()])

    def embed(
        self, frame: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "478 xy"]
    ) -> Float[np.ndarray, " 128"]:
        """Embed the face with the given landmarks.

        Args:
            frame: RGB.
            landmarks: x, y (and ignored z) in pixels of the frame, as ``FaceTrack.landmarks`` of one frame.

        Raises:
            FaceError: the landmarks are NaN, so there is no face.
            AssetError: the weights are missing.
        """
        picture = align_face(frame, landmarks)
        if self._network is None:
            import dlib

            self._network = dlib.face_recognition_model_v1(str(asset_path(WEIGHTS)))  # type: ignore[attr-defined]
        return np.array(self._network.compute_face_descriptor(picture), np.float32)

    def embed_faces(
        self, frames: Sequence[UInt8[np.ndarray, "H W 3"]], landmarks: Sequence[Float[np.ndarray, "478 xy"]]
    ) -> Float[np.ndarray, "N 128"]:
        """Embed one face of each frame.

        Raises:
            FaceError: as ``embed``.
            AssetError: as ``embed``.
        """
        return np.stack([self.embed(frame, points) for frame, points in zip(frames, landmarks, strict=True)])

    def __getstate__(self) -> dict[str, Any]:
        """Omit the network, which a worker process loads itself."""
        return {"_network": None}


def align_face(
    frame: UInt8[np.ndarray, "H W 3"], landmarks: Float[np.ndarray, "478 xy"]
) -> UInt8[np.ndarray, "150 150 3"]:
    """Rotate, scale and crop the face as dlib's aligner does, without rounding the points to integer pixels.

    Raises:
        FaceError: the landmarks are NaN.
    """
    points = landmarks[list(POINTS), :2].astype(np.float64)
    if not np.isfinite(points).all():
        raise FaceError("expected a face to embed, got a frame without one")
    target = (PADDING + TEMPLATE) / (2 * PADDING + 1) * SIDE
    matrix = similarity(points, target)
    while np.sqrt(abs(np.linalg.det(matrix[:, :2]))) < 0.5:  # halve large pictures first, or the warp would alias
        before = np.array(frame.shape[1::-1], np.float64)
        frame = cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        matrix = similarity(points := points * (np.array(frame.shape[1::-1]) / before), target)
    # Positions count from the outer border of the first pixel, OpenCV's from its center.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    return cv2.warpAffine(frame, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)


def similarity(points: Float[np.ndarray, "K 2"], target: Float[np.ndarray, "K 2"]) -> Float[np.ndarray, "2 3"]:
    """Return the least-squares rotation, uniform scale and shift that maps ``points`` to ``target``.

    The problem is linear in the plane: with complex coordinates, target = a * points + b.
    """
    source, goal = (np.ascontiguousarray(p) @ (1, 1j) for p in (points, target))
    centred = source - source.mean()
    a = np.vdot(centred, goal - goal.mean()) / np.vdot(centred, centred)
    b = goal.mean() - a * source.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
