"""Where scenes begin, by PySceneDetect's content value, frame by frame in constant memory."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

WIDTH = 96
"""Frames are shrunk to so many pixels first: what the whole picture does is what counts."""
MIN_SCENE = 8
"""Frames between two cuts; flashes are shorter."""


class SceneCutter:
    """Gathers the cuts of one video.

    Args:
        threshold: content value at which a scene begins: the mean change of hue, saturation and luma (0..255) from one
            frame to the next; 0: never.
    """

    def __init__(self, threshold: float) -> None:
        from scenedetect.detectors import ContentDetector
        from scenedetect.scene_detector import FlashFilter

        self.cuts: list[int] = []
        """First frames of the second and later scenes."""
        self._count = 0
        self._detector = None
        if threshold > 0:
            self._detector = ContentDetector(threshold, MIN_SCENE, filter_mode=FlashFilter.Mode.SUPPRESS)

    def add(self, frame: UInt8[ndarray, "H W 3"]) -> None:
        """Look at the next frame."""
        if self._detector is not None:
            height = max(2, round(WIDTH * frame.shape[0] / frame.shape[1]))
            small = cv2.resize(frame, (WIDTH, height), interpolation=cv2.INTER_AREA)
            self.cuts += self._detector.process_frame(self._count, np.ascontiguousarray(small[..., ::-1]))
        self._count += 1


def scene_spans(count: int, cuts: list[int], max_frames: int = 0) -> list[tuple[int, int]]:
    """First and last (exclusive) frame of every clip.

    Args:
        count: frames in all.
        cuts: first frames of the later scenes.
        max_frames: a longer scene becomes several clips of equal length (within one frame); 0: never.
    """
    edges = [0, *(cut for cut in cuts if 0 < cut < count), count]
    spans = []
    for start, stop in pairwise(edges):
        parts = -(-(stop - start) // max_frames) if max_frames else 1
        inner = [start + (stop - start) * part // parts for part in range(parts + 1)]
        spans += list(pairwise(inner))
    return spans
