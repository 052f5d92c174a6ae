"""Prepare one clip: a function of the job and the settings alone, for a local pool or any other scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.export import export_real
from data_prep.jobs import Job, SyntheticJob
from data_prep.material import Material, filmed_material, rendered_material
from data_prep.quality import PictureQuality, clip_quality
from lt_bench.data.clip import PreparedClip, write_clip
from lt_bench.data.format import CacheInfo, ClipRecord
from lt_bench.errors import FaceError, MediaError
from lt_bench.models.codecs.base import Codec, build_codec, frames_to_tensor
from lt_bench.perception.faces import FaceLandmarker
from lt_bench.perception.speech.base import SpeechEncoder, build_speech_encoder

BATCH = 32
"""Frames encoded at a time."""
MAX_FACES = 3
"""Faces looked for in a frame, so that the largest is followed where there are several."""


@dataclass(frozen=True)
class Settings:
    """All that a worker needs beside its job."""

    cache: Path
    info: CacheInfo
    codec: str
    speech_encoder: str
    exported: tuple[str, ...]
    """Splits whose real videos are exported."""


@dataclass(frozen=True)
class Prepared:
    """A clip that is whole on disk."""

    record: ClipRecord
    extra: dict[str, Any]
    """The real set's entry under ``real``, where the split is exported."""


@dataclass(frozen=True)
class Rejected:
    """A clip that cannot be used."""

    id: str
    source: str
    reason: str


class ClipPreparer:
    """Holds the networks of one process, each built at its first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def prepare(self, job: Job) -> Prepared | Rejected:
        """Prepare a clip and write its files; the index is the caller's.

        Raises:
            LtBenchError: what no other clip would survive either, such as a missing asset or a full disk.
        """
        try:
            material = self._material(job)
            clip = self._encode(job, material)
        except (MediaError, FaceError) as error:
            path = "" if isinstance(job, SyntheticJob) else f"{job.path}: "
            return Rejected(job.id, job.source, " ".join(str(error).replace(path, "").split()))
        settings = self.settings
        extra = {}
        if job.split in settings.exported:
            extra["real"] = export_real(settings.cache, clip, material)
        return Prepared(write_clip(settings.cache, clip, settings.info), extra)

    def close(self) -> None:
        """Free the networks."""
        if "_landmarker" in self.__dict__:
            self._landmarker.close()

    @cached_property
    def _codec(self) -> Codec:
        return build_codec(self.settings.codec)

    @cached_property
    def _speech(self) -> SpeechEncoder:
        return build_speech_encoder(self.settings.speech_encoder)

    @cached_property
    def _landmarker(self) -> FaceLandmarker:
        return FaceLandmarker(MAX_FACES)

    def _material(self, job: Job) -> Material:
        resolution = self.settings.info.resolution
        if isinstance(job, SyntheticJob):
            return rendered_material(job, resolution)
        return filmed_material(job, resolution, self._landmarker)

    def _encode(self, job: Job, material: Material) -> PreparedClip:
        picture = PictureQuality()
        latents = []
        for batch in _batches(material.frames()):
            picture.add(batch)
            latents.append(self._latents(batch))
        who = job.spec if isinstance(job, SyntheticJob) else job
        return PreparedClip(
            id=job.id,
            identity=who.identity,
            split=who.split,
            role=who.role,
            source=job.source,
            crop=material.crop,
            quality=clip_quality(picture, material.audio, material.landmarks, material.source_pixels, material.counts),
            latents=np.concatenate(latents),
            audio=self._speech.encode(material.audio, material.count),
            landmarks=material.landmarks,
            mouth_box=material.mouth_box,
            portrait=self._latents(material.portrait[None])[0],
            truth=material.truth,
        )

    def _latents(self, frames: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self._codec.encode(frames_to_tensor(frames)).to(torch.float16).numpy()


def _batches(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    batch: list[np.ndarray] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) == BATCH:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)
