"""Audio features of a voice of any length, for windows that move forward in time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from lt_bench.data.windows import audio_windows
from lt_bench.media.sound import Sound
from lt_bench.perception.speech.base import SpeechEncoder
from lt_bench.shapes import Float


class Features(Protocol):
    """Audio features (frames, layers, dim) at 25 Hz that can be read in slices, such as a tensor."""

    def __len__(self) -> int: ...

    def __getitem__(self, frames: slice, /) -> Tensor: ...


class VoiceFeatures:
    """Audio features that are computed on demand and discarded once the slices have passed them.

    They are rounded to half precision like the features in a cache, so a model gets the same features in training and
    in use. At most about a minute of features is kept. A slice cannot start before the piece in which the previous
    slice started.
    """

    def __init__(self, encoder: SpeechEncoder, sound: Sound, frames: int) -> None:
        """Set up without computing anything.

        Args:
            encoder: speech encoder of the model.
            sound: mono, 16 kHz.
            frames: number of frames of the video, at 25 fps.
        """
        self._stream: Iterator[np.ndarray] = encoder.stream(sound, frames)
        self._frames = frames
        self._pieces: deque[np.ndarray] = deque()
        self._begin = self._end = 0

    def __len__(self) -> int:
        return self._frames

    def __getitem__(self, frames: slice, /) -> Float[Tensor, "F L D"]:
        start, stop, _ = frames.indices(self._frames)
        if start < self._begin:
            raise ValueError(f"frames: expected a start of at least {self._begin}, got {start}")
        while self._pieces and self._begin + len(self._pieces[0]) <= start:
            self._begin += len(self._pieces.popleft())
        while self._end < stop:
            self._pieces.append(next(self._stream).astype(np.float16))
            self._end += len(self._pieces[-1])
        held = np.concatenate(self._pieces) if len(self._pieces) > 1 else self._pieces[0]
        return torch.from_numpy(held[start - self._begin : stop - self._begin].astype(np.float32))


def window_of(features: Features, start: int, length: int, radius: int) -> Float[Tensor, "length window L D"]:
    """Return ``audio_windows`` of ``length`` frames from ``start``, reading only the features that they use."""
    low = min(max(0, start - radius), len(features) - 1)
    part = features[low : min(len(features), start + length + radius)]
    return audio_windows(part, start - low, length, radius)
