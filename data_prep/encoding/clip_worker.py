"""Prepare one job: a function of the job and the settings alone, for a local pool or any other scheduler."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.datasets.jobs import Job, SyntheticJob
from data_prep.encoding.clip_export import export_real
from data_prep.encoding.frame_encoder import FrameTaker
from data_prep.extraction.extractor import FilmCutter, Refused
from data_prep.extraction.raw_clip import Material, rendered_material
from data_prep.extraction.thumbnail import THUMBNAILS
from data_prep.filters.picture_quality import check_picture, clip_quality
from data_prep.outcome import Done, Prepared, Rejected
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig, QualityConfig
from lt_bench.data.clip_tensors import PreparedClip, write_clip
from lt_bench.data.format import CacheInfo
from lt_bench.errors import MediaError
from lt_bench.files import write_bytes
from lt_bench.models.codecs.base import Codec, build_codec
from lt_bench.perception.device import detector_device
from lt_bench.perception.speech.base import SpeechEncoder, build_speech_encoder
from lt_bench.plugins import load_plugins, loaded_plugins


@dataclass(frozen=True)
class Settings:
    """Everything that a worker needs in addition to its job."""

    cache: Path
    info: CacheInfo
    codec: str
    speech_encoder: str
    exported: tuple[str, ...]
    """Splits whose real videos are exported."""
    crop: CropConfig
    quality: QualityConfig
    plugins: tuple[Path, ...] = field(default_factory=loaded_plugins)
    """Files that the preparing process has imported, for its workers."""


class ClipPreparer:
    """Holds the networks of one process, each built at its first use, on the GPU that the process sees, if any."""

    def __init__(self, settings: Settings) -> None:
        load_plugins(settings.plugins)
        self.settings = settings
        self._film = FilmCutter(settings.info.resolution, settings.crop, settings.quality)

    def prepare(self, job: Job) -> Done:
        """Prepare a job's clips and write their files; journal and index are the caller's.

        Raises:
            LtBenchError: what no other clip would survive either, such as a missing asset or a full disk.
        """
        clips: list[Prepared | Rejected] = []
        for material in self._materials(job):
            result = material.rejected if isinstance(material, Refused) else self._clip(job, material)
            name = result.id if isinstance(result, Rejected) else result.record.id
            if material.thumbnail is not None:
                write_bytes(self.settings.cache / THUMBNAILS / f"{name}.jpg", material.thumbnail)
            clips.append(result)
        return Done.of(job.id, clips)

    def close(self) -> None:
        """Free the networks."""
        self._film.close()

    @cached_property
    def _codec(self) -> Codec:
        return build_codec(self.settings.codec)

    @cached_property
    def _speech(self) -> SpeechEncoder:
        return build_speech_encoder(self.settings.speech_encoder).to(detector_device())

    def _materials(self, job: Job) -> Iterator[Material | Refused]:
        if isinstance(job, SyntheticJob):
            return iter([rendered_material(job, self.settings.info.resolution)])
        return self._film.clips(job)

    def _clip(self, job: Job, material: Material) -> Prepared | Rejected:
        settings, filmed = self.settings, not isinstance(job, SyntheticJob)
        taker = FrameTaker(self._codec, material, detector_device())
        extra: dict[str, Any] = {}
        try:
            frames = self._checked(taker, material) if filmed else taker.taken(material.frames())
            if job.split in settings.exported:
                extra["real"] = export_real(settings.cache, job, material, frames, taker)
            else:
                deque(frames, maxlen=0)
        except RejectionError as error:
            return Rejected.by(error, material.id, job.source)
        except MediaError as error:
            return Rejected(material.id, job.source, " ".join(str(error).replace(f"{job.source}: ", "").split()))
        if filmed:
            extra["fingerprint"] = taker.fingerprint.text(material.audio)
        return Prepared(write_clip(settings.cache, self._whole(job, material, taker), settings.info), extra)

    def _checked(self, taker: FrameTaker, material: Material) -> Iterator[np.ndarray]:
        yield from taker.taken(material.frames())
        check_picture(taker.picture, self.settings.quality)

    def _whole(self, job: Job, material: Material, taker: FrameTaker) -> PreparedClip:
        return PreparedClip(
            id=material.id,
            identity=job.identity,
            split=job.split,
            role=job.role,
            source=job.source,
            crop=material.crop,
            roll=material.roll,
            quality=clip_quality(taker.picture, material),
            latents=taker.latents,
            audio=self._speech.encode(material.audio, material.count),
            landmarks=material.landmarks,
            mouth_box=material.mouth_box,
            portrait=taker.portrait_latent,
            truth=material.truth,
        )
