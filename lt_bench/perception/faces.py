"""MediaPipe's face landmarker: landmarks, blendshapes and head pose of one face per frame of a video.

Conventions, which the synthetic set shares. Positions: x to the right, y down, 0 at the outer border of the first
pixel. Head pose, as seen in the image: yaw is positive when the face turns to the image's right, pitch when it turns
down, and roll when the head leans clockwise (its top to the image's right).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.files import sha256_json
from lt_bench.perception.native_libraries import keep_profiling_signal_ignored, without_native_noise
from lt_bench.shapes import Bool, Float, Int, UInt8

WEIGHTS = "face_landmarker.task"
POINTS = 478
BLENDSHAPES = 52
MIN_SIDE = 256
"""Frames with a smaller short side are enlarged first; at 64 px the mouth opening is measurably less accurate."""
MIN_CONFIDENCE = 0.5


@dataclass(frozen=True)
class Face:
    """One face in one frame."""

    landmarks: Float[np.ndarray, "478 3"]
    """Landmarks, as in ``FaceTrack``."""
    blendshapes: Float[np.ndarray, " 52"]
    pose: Float[np.ndarray, " 3"]

    @property
    def centre(self) -> np.ndarray:
        """Return the mean position, in pixels."""
        return self.landmarks[:, :2].mean(axis=0)

    @property
    def size(self) -> float:
        """Return the area of the box, in square pixels."""
        return float(np.ptp(self.landmarks[:, :2], axis=0).prod())

    @cached_property
    def box(self) -> Float[np.ndarray, " 4"]:
        """Return x0, y0, x1, y1 around the landmarks, in pixels."""
        points = self.landmarks[:, :2].astype(np.float64)
        return np.concatenate([points.min(axis=0), points.max(axis=0)])


@dataclass(frozen=True)
class FaceTrack:
    """One face per frame over F frames, as the landmarker selected it; NaN in frames without a face."""

    landmarks: Float[np.ndarray, "F 478 3"]
    """x and y in pixels of the given frames; z is relative, about the scale of x, and smaller is nearer."""
    blendshapes: Float[np.ndarray, "F 52"]
    """Blendshapes, 0..1, in MediaPipe's order (``_neutral`` first)."""
    pose: Float[np.ndarray, "F 3"]
    """Yaw, pitch and roll in radians."""
    found: Bool[np.ndarray, " F"]
    counts: Int[np.ndarray, " F"]
    """Number of faces found in each frame, at most the landmarker's ``max_faces``."""

    @classmethod
    def of(cls, faces: Sequence[Face | None], counts: Sequence[int]) -> FaceTrack:
        """Build the track of one face from its results in each frame; None in frames without the face."""
        return cls(
            landmarks=_stack([f and f.landmarks for f in faces], (POINTS, 3)),
            blendshapes=_stack([f and f.blendshapes for f in faces], (BLENDSHAPES,)),
            pose=_stack([f and f.pose for f in faces], (3,)),
            found=np.array([f is not None for f in faces], bool),
            counts=np.array(counts, np.int64),
        )


class FaceLandmarker:
    """MediaPipe FaceLandmarker on single images.

    Each frame is analyzed independently: the result does not depend on earlier frames and is not smoothed. (MediaPipe's
    video mode smooths one face with a causal filter: measured on GRID, the movement of the mouth is about 0.4 frames
    late and 3 to 17% smaller.)

    With ``max_faces`` of 1, as all metrics use it, MediaPipe selects one of the faces independently in each frame. This
    is the largest face, but between faces of similar size the selection can alternate. With more, one face is followed:
    the largest of the first frame with a face, then the one whose center is nearest to its last position.

    Args:
        max_faces: maximum number of faces to search for in a frame.

    Raises:
        AssetError: the weights are missing.
    """

    def __init__(self, max_faces: int = 1) -> None:
        if max_faces < 1:
            raise ValueError(f"max_faces: expected at least 1, got {max_faces}")
        self.max_faces = max_faces
        weights = asset_path(WEIGHTS)
        with without_native_noise():
            self._landmarker = _create(str(weights), max_faces)
        self._freed = weakref.finalize(self, _free, self._landmarker)
        self._freed.atexit = False  # at exit, MediaPipe's threads have already ended; see ``close``
        keep_profiling_signal_ignored()

    @property
    def hash(self) -> str:
        """Return the SHA-256 over the weights' hash and the settings that results depend on."""
        return landmarker_hash(self.max_faces)

    def track(self, frames: Iterable[UInt8[np.ndarray, "H W 3"]]) -> FaceTrack:
        """Find the face in each RGB frame (uint8); memory does not depend on the frames' size.

        Raises:
            ValueError: a frame is not uint8 (H, W, 3).
        """
        found: list[Face | None] = []
        counts: list[int] = []
        last: np.ndarray | None = None
        for frame in frames:
            faces = self.detect(frame)
            face = _choose(faces, last)
            last = last if face is None else face.centre
            found.append(face)
            counts.append(len(faces))
        return FaceTrack.of(found, counts)

    def close(self) -> None:
        """Free the network; call it before the process ends, because MediaPipe's own clean-up then fails."""
        self._freed()

    def __enter__(self) -> FaceLandmarker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def detect(self, frame: UInt8[np.ndarray, "H W 3"]) -> list[Face]:
        """Return all faces of one RGB frame, at most ``max_faces``.

        Raises:
            ValueError: the frame is not uint8 (H, W, 3).
        """
        import mediapipe

        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError(f"expected frames of uint8 (height, width, 3), got {frame.dtype} {frame.shape}")
        height, width = frame.shape[:2]
        # MediaPipe reads the memory of a strided array as if it were contiguous, and then finds no face.
        image = np.ascontiguousarray(_enlarge(frame))
        result = self._landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=image))
        parts = zip(result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True)
        return [
            Face(
                landmarks=np.array([(p.x * width, p.y * height, p.z * width) for p in points], np.float32),
                blendshapes=np.array([shape.score for shape in shapes], np.float32),
                pose=matrix_to_pose(np.asarray(matrix)),
            )
            for points, shapes, matrix in parts
        ]


def landmarker_hash(max_faces: int = 1) -> str:
    """Return the SHA-256 over the pinned weights' hash and the settings that results depend on; no file is needed."""
    return sha256_json([asset(WEIGHTS).sha256, "image", MIN_SIDE, MIN_CONFIDENCE, max_faces])


def matrix_to_pose(matrix: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, " 3"]:
    """Return yaw, pitch and roll of a facial transformation matrix, with this module's signs.

    The matrix maps the canonical face (x right, y up, z out of the face) to a camera that looks along -z. With its
    rotation read as Ry(yaw) Rx(pitch) Rz(-roll), its middle row is
    (-cos(pitch) sin(roll), cos(pitch) cos(roll), -sin(pitch)).
    """
    rotation = matrix[:3, :3] / np.cbrt(np.linalg.det(matrix[:3, :3]))
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    roll = -np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.array([yaw, pitch, roll], np.float32)


def _create(weights: str, max_faces: int) -> Any:
    from mediapipe.tasks.python import BaseOptions, vision

    return vision.FaceLandmarker.create_from_options(
        vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=weights),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=max_faces,
            min_face_detection_confidence=MIN_CONFIDENCE,
            min_face_presence_confidence=MIN_CONFIDENCE,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
    )


def _free(landmarker: Any) -> None:
    with without_native_noise():
        landmarker.close()


def _enlarge(frame: np.ndarray) -> np.ndarray:
    shorter = min(frame.shape[:2])
    if shorter >= MIN_SIDE:
        return frame
    height, width = (round(side * MIN_SIDE / shorter) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)


def _choose(faces: list[Face], last: np.ndarray | None) -> Face | None:
    if not faces:
        return None
    if last is None:
        return max(faces, key=lambda face: face.size)
    return min(faces, key=lambda face: float(np.linalg.norm(face.centre - last)))


def _stack(rows: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    stacked = np.full((len(rows), *shape), np.nan, np.float32)
    for index, row in enumerate(rows):
        if row is not None:
            stacked[index] = row
    return stacked
