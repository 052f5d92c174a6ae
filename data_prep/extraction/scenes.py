"""Where scenes begin, by PySceneDetect's content value, and which frames are black, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

MAX_WIDTH = 128
"""Frames are halved until they are no wider: what the whole picture does is what counts."""
MIN_SCENE = 8
"""Frames between two cuts; flashes are shorter."""
BLACK = 12.0
"""Mean luma (0..255) below which a frame is black, as at fades; it belongs to no clip. The darkest clip that is kept
has a mean of 30 in its crop."""


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
        self.black: list[int] = []
        """Frames that are black."""
        self._count = 0
        self._detector = None
        if threshold > 0:
            self._detector = ContentDetector(threshold, MIN_SCENE, filter_mode=FlashFilter.Mode.SUPPRESS)

    def add(self, frame: UInt8[ndarray, "H W 3"]) -> None:
        """Look at the next frame."""
        small = np.ascontiguousarray(halved(frame)[..., ::-1])
        if float(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).mean()) < BLACK:
            self.black.append(self._count)
        if self._detector is not None:
            self.cuts += self._detector.process_frame(self._count, small)
        self._count += 1


def halved(frame: UInt8[ndarray, "H W 3"]) -> UInt8[ndarray, "h w 3"]:
    """Means of 2 x 2 pixels, again and again until it is small: an eighth of the time of one step to any size."""
    while frame.shape[1] > MAX_WIDTH and frame.shape[0] > 1:
        height, width = frame.shape[0] // 2, frame.shape[1] // 2
        frame = cv2.resize(frame[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return frame


def scene_spans(count: int, cuts: list[int], max_frames: int = 0, black: Sequence[int] = ()) -> list[tuple[int, int]]:
    """First and last (exclusive) frame of every clip; none where all frames are black.

    Args:
        count: frames in all.
        cuts: first frames of the later scenes.
        max_frames: a longer scene becomes several clips of equal length (within one frame); 0: never.
        black: frames that belong to no clip; they part scenes.
    """
    edges = [0, *(cut for cut in cuts if 0 < cut < count), count]
    dark = set(black)
    lit = [run for start, stop in pairwise(edges) for run in _runs(start, stop, dark)]
    spans = []
    for start, stop in lit:
        parts = -(-(stop - start) // max_frames) if max_frames else 1
        inner = [start + (stop - start) * part // parts for part in range(parts + 1)]
        spans += list(pairwise(inner))
    return spans


def _runs(start: int, stop: int, left_out: set[int]) -> Iterator[tuple[int, int]]:
    """The stretches of a range between the numbers left out."""
    begin = start
    for number in range(start, stop + 1):
        if number == stop or number in left_out:
            if begin < number:
                yield begin, number
            begin = number + 1
