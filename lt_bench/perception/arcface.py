"""ArcFace (Deng et al., arXiv 1801.07698): InsightFace's ResNet-50 of WebFace600K, run by ONNX Runtime; 512-d."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy import ndarray

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.errors import AssetError, FaceError
from lt_bench.files import sha256_json
from lt_bench.perception.device import detector_device
from lt_bench.perception.face_embedding import similarity

WEIGHTS = "w600k_r50.onnx"
SIDE = 112
# MediaPipe's points for ArcFace's five: the center of the eye on the image's left and on its right (each the mean of
# its corners), the tip of the nose, the corners of the mouth.
POINTS = ((33, 133), (362, 263), (1,), (61,), (291,))
# Their positions in the picture of 112 pixels, from ArcFace's published template.
TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
EXACT = {"use_tf32": "0", "cudnn_conv_algo_search": "DEFAULT"}
"""Of a GPU: full float32, and convolutions that are not chosen by a stopwatch."""
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
BATCH = 64
"""Faces of a forward pass on a GPU. On the CPU each face has its own, so embeddings do not depend on others."""


class ArcFaceEmbedder:
    """Embeds one face of a frame, aligned by five points; compare embeddings by cosine.

    Args:
        weights: an ONNX file; None for the pinned one, read at first use.
    """

    name = "arcface_w600k_r50"

    def __init__(self, weights: Path | None = None) -> None:
        self._weights = weights
        self._session: Any = None

    @property
    def hash(self) -> str:
        """Return the SHA-256 over the weights' pinned hash and the alignment; no file is needed."""
        return sha256_json([self.name, asset(WEIGHTS).sha256, SIDE, POINTS, TEMPLATE.tolist()])

    def embed(self, frame: UInt8[ndarray, "H W 3"], landmarks: Float[ndarray, "478 xy"]) -> Float32[ndarray, " D"]:
        """Compute the embedding, of unit length.

        Args:
            frame: RGB.
            landmarks: x, y (and ignored z) in pixels of the frame, as ``FaceTrack.landmarks`` of one frame.

        Raises:
            FaceError: the landmarks are NaN, so there is no face.
            AssetError: the weights are missing or are not an ONNX network.
        """
        return self.embed_faces([frame], [landmarks])[0]

    def embed_faces(
        self, frames: Sequence[UInt8[ndarray, "H W 3"]], landmarks: Sequence[Float[ndarray, "478 xy"]]
    ) -> Float32[ndarray, "N D"]:
        """The embeddings of one face of each frame, which go through the network together on a GPU.

        Raises:
            FaceError: as ``embed``.
            AssetError: as ``embed``.
        """
        pictures = [align_face(frame, points) for frame, points in zip(frames, landmarks, strict=True)]
        if self._session is None:
            self._session = _open(self._weights or asset_path(WEIGHTS))
        size = _batch_size(self._session)
        parts = [self._run(np.stack(pictures[start : start + size])) for start in range(0, len(pictures), size)]
        return np.stack([face / np.linalg.norm(face) for part in parts for face in part])

    def _run(self, pictures: UInt8[ndarray, "N 112 112 3"]) -> Float32[ndarray, "N D"]:
        pixels = (pictures.astype(np.float32).transpose(0, 3, 1, 2) - 127.5) / 127.5
        return self._session.run(None, {self._session.get_inputs()[0].name: pixels})[0]

    def __getstate__(self) -> dict[str, Any]:
        """Omit the session, which cannot be sent to worker processes; each opens its own."""
        return {"_weights": self._weights, "_session": None}


def align_face(frame: UInt8[ndarray, "H W 3"], landmarks: Float[ndarray, "478 xy"]) -> UInt8[ndarray, "112 112 3"]:
    """Rotate, scale and crop the face to ArcFace's template, black outside the picture.

    Raises:
        FaceError: the landmarks are NaN.
    """
    points = np.array([landmarks[list(group), :2].astype(np.float64).mean(axis=0) for group in POINTS])
    if not np.isfinite(points).all():
        raise FaceError("expected a face to embed, got a frame without one")
    # Landmarks count from the outer border of the first pixel, the template and OpenCV from its center.
    return cv2.warpAffine(frame, similarity(points - 0.5, TEMPLATE), (SIDE, SIDE), flags=cv2.INTER_LINEAR)


def chosen_provider() -> str:
    """ONNX Runtime's provider that runs the network: CUDA where this process sees a GPU and onnxruntime-gpu is here."""
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        return CPU
    import torch

    return CUDA if torch.cuda.is_available() else CPU


def _open(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread is used, because workers run in parallel and results must not depend on the number of cores.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    asked = chosen_provider()
    gpu = [(CUDA, {**EXACT, "device_id": str(detector_device().index)})] if asked == CUDA else []
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[*gpu, (CPU, {})])
    except Exception as error:  # noqa: BLE001 - onnxruntime's classes share no other base
        raise AssetError(f"{path.name}: expected an ONNX network, got: {str(error).splitlines()[0][:200]}") from None
    got = session.get_providers()[0]
    if got != asked:  # ONNX Runtime only logs a GPU that it cannot use, and computes on the CPU
        raise AssetError(
            f"{path.name}: expected ONNX Runtime's {asked}, got {got}; install CUDA's libraries for onnxruntime-gpu, "
            "or onnxruntime in its place to compute on the CPU"
        )
    return session


def _batch_size(session: Any) -> int:
    """Faces that go through together; a network may be made for one at a time."""
    one_alone = isinstance(session.get_inputs()[0].shape[0], int)  # a name, or None, where any number goes
    return 1 if one_alone or session.get_providers()[0] == CPU else BATCH
