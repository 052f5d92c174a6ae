"""One pass over a clip's prepared frames: latents, picture quality, portrait and fingerprint."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from data_prep.extraction.raw_clip import Material
from data_prep.filters.duplicates import Fingerprint
from data_prep.filters.picture_quality import PictureQuality
from lt_bench.errors import MediaError
from lt_bench.models.codecs.base import Codec, frames_to_tensor
from lt_bench.perception.device import exact_inference

BATCH = 32
"""Frames encoded at a time."""


class FrameTaker:
    """Encodes and measures frames while they pass on to a consumer, such as the writer of a video."""

    def __init__(self, codec: Codec, material: Material, device: torch.device) -> None:
        self._codec, self._material, self._device = codec, material, device
        self._batch: list[ndarray] = []
        self._latents: ndarray | None = None
        self._encoded = 0
        self.picture = PictureQuality()
        self.fingerprint = Fingerprint(material.count)
        self._portrait = material.portrait

    def taken(self, frames: Iterator[UInt8[ndarray, "R R 3"]]) -> Iterator[UInt8[ndarray, "R R 3"]]:
        """Yield the frames as they come.

        Raises:
            MediaError: there are fewer than the clip has.
        """
        count = 0
        for frame in frames:
            if isinstance(self._portrait, int) and count == self._portrait:
                self._portrait = frame
            self.picture.add([frame])
            self.fingerprint.add(frame)
            self._batch.append(frame)
            if len(self._batch) == BATCH:
                self._encode()
            count += 1
            yield frame
        if count != self._material.count:
            raise MediaError(f"expected {self._material.count} frames at the second reading, got {count}")
        if self._batch:
            self._encode()

    @property
    def latents(self) -> Float[ndarray, "F C H W"]:
        """Raw latents of all frames, float16."""
        assert self._latents is not None
        assert self._encoded == len(self._latents)
        return self._latents

    @property
    def portrait(self) -> UInt8[ndarray, "R R 3"]:
        """The portrait's picture, once its frame has passed."""
        assert isinstance(self._portrait, ndarray)
        return self._portrait

    @property
    def portrait_latent(self) -> Float[ndarray, "C H W"]:
        """Raw latent of the portrait, float16."""
        return self._to_latents([self.portrait])[0]

    def _encode(self) -> None:
        made = self._to_latents(self._batch)
        if self._latents is None:  # all at once: joining batches would take their memory twice
            self._latents = np.empty((self._material.count, *made.shape[1:]), made.dtype)
        self._latents[self._encoded : self._encoded + len(made)] = made
        self._encoded += len(made)
        self._batch = []

    def _to_latents(self, frames: list[ndarray]) -> ndarray:
        with exact_inference():
            latents = self._codec.encode(frames_to_tensor(np.stack(frames)).to(self._device))
            return latents.to(torch.float16).cpu().numpy()
