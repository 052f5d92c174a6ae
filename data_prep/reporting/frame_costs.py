"""CPU time of a frame on this machine: every stage is run on a few frames, by one process with one thread.

CPU time is measured, so other load on the machine does not count.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from data_prep.datasets.jobs import SyntheticJob, VideoJob
from data_prep.datasets.registry import data_set_class
from data_prep.encoding.clip_export import CRF
from data_prep.encoding.frame_encoder import FrameTaker
from data_prep.engines.threads import one_thread
from data_prep.extraction.extractor import FilmCutter
from data_prep.extraction.footage import HELD_BYTES, job_span
from data_prep.extraction.raw_clip import Material, rendered_material
from data_prep.resolved import ResolvedConfig
from data_prep.synthetic.dataset import synthetic_clips
from lt_bench.config import DataConfig, QualityConfig, SyntheticConfig
from lt_bench.conventions import FPS
from lt_bench.errors import MediaError
from lt_bench.media.video import iter_frames, probe_video, write_video
from lt_bench.models.codecs.base import build_codec
from lt_bench.perception.speech.base import build_speech_encoder

Seconds = defaultdict[str, float]
FRAMES = 75
MADE_LINES = 720
"""Of the rendered sample, where no video is here yet."""


@dataclass(frozen=True)
class Costs:
    """CPU seconds of a frame by stage, and how they were measured."""

    sample: str
    """What they were measured on."""
    frames: int
    seconds: dict[str, float]
    """By ``Stage.cost``, and of what stages have in common or part: decode; export, only of held-out splits; render,
    of synthetic clips."""
    export_bytes: float
    """Of a frame of the exported video."""
    decoded_bytes: int
    """Of a decoded frame; 0 for rendered ones."""

    def clip(self, frames: int, exported: bool) -> float:
        """Seconds for a clip: what does not fit in memory is decoded twice."""
        frame = sum(cost for name, cost in self.seconds.items() if exported or name != "export")
        again = self.seconds.get("decode", 0.0) if frames * self.decoded_bytes > HELD_BYTES else 0.0
        return frames * (frame + again)


def measure_costs(config: ResolvedConfig, jobs: list[VideoJob]) -> Costs:
    """CPU time of every stage on 75 frames: of the first job that passes them, or of a rendered face on 720 lines.

    Raises:
        AssetError: weights are missing.
    """
    with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder, one_thread():
        if data_set_class(config.dataset).rendered:
            return _rendered(config, Path(folder))
        for job in jobs[:3]:
            try:
                return _filmed(config, _beginning(job), job.source, Path(folder))
            except MediaError:
                continue  # it will be listed as rejected; another one serves as well
        made = _make(Path(folder))
        return _filmed(config, made, f"a rendered face on {MADE_LINES} lines", Path(folder))


def _rendered(config: DataConfig, folder: Path) -> Costs:
    spec = synthetic_clips(config.synthetic, config.resolution)[0]
    seconds: Seconds = defaultdict(float)
    with _timed(seconds, "render"):
        material = rendered_material(SyntheticJob(spec), config.resolution)
    size = _encode(config, material, seconds, folder)
    return Costs("a rendered clip", material.count, _each(seconds, material.count), size / material.count, 0)


def _filmed(config: ResolvedConfig, job: VideoJob, sample: str, folder: Path) -> Costs:
    """Run the extractor's own stages on a job, without limits, and the encoders on its clips."""
    seconds: Seconds = defaultdict(float)
    made: Seconds = defaultdict(float)
    with _timed(seconds, "decode"):
        frames = list(iter_frames(job.path, span=job_span(job)))
    if not frames:
        raise MediaError(f"{job.path}: expected frames, got none")
    count, decoded = len(frames), frames[0].nbytes
    crop, quality = replace(config.crop, max_travel=math.inf), _without_limits(config.quality)
    cutter = FilmCutter(config.resolution, crop, quality, lambda stage: _timed(seconds, stage.cost))
    cutter.build()
    kept = size = 0
    for clip in cutter.clips(job):
        if isinstance(clip, Material):
            size += _encode(config, clip, made, folder)
            kept += clip.count
    cutter.close()
    if not kept:
        raise MediaError(f"{job.path}: expected a clip that passes every stage, got none")
    seconds["faces"] = max(seconds["faces"] - seconds["decode"], 0.0)  # its pass over the frames decodes them, too
    return Costs(sample, count, {**_each(seconds, count), **_each(made, kept)}, size / kept, decoded)


def _beginning(job: VideoJob) -> VideoJob:
    """The first frames of a job."""
    end = probe_video(job.path).duration if job.stop is None else job.stop
    return job if end - job.start <= FRAMES / FPS else replace(job, stop=job.start + FRAMES / FPS)


def _without_limits(quality: QualityConfig) -> QualityConfig:
    """Limits that every clip keeps; measures that are left out stay so."""
    return replace(
        quality,
        min_seconds=0.0,
        min_face_share=0.0,
        min_face_pixels=0.0,
        max_invented=1.0,
        max_second_face=1.0,
        max_person_distance=None if quality.max_person_distance is None else math.inf,
        min_loudness_db=-math.inf,
        min_speech_share=0.0,
        max_offset=None if quality.max_offset is None else FRAMES,
    )


def _encode(config: DataConfig, material: Material, seconds: Seconds, folder: Path) -> int:
    """Time encoding and export; the bytes of the exported video."""
    taker = FrameTaker(build_codec(config.codec), material, torch.device("cpu"))  # of which CPU time tells
    speech = build_speech_encoder(config.speech_encoder)
    frames: list[np.ndarray] = []
    with _timed(seconds, "encode"):
        frames.extend(taker.taken(material.frames()))
        speech.encode(material.audio, material.count)
    with _timed(seconds, "export"):
        write_video(folder / "plan.mp4", frames, audio=material.audio, crf=CRF)
    return (folder / "plan.mp4").stat().st_size


def _each(seconds: Seconds, count: int) -> dict[str, float]:
    return {name: value / count for name, value in seconds.items()}


def _make(folder: Path) -> VideoJob:
    setting = SyntheticConfig(train_speakers=1, validation_speakers=0, test_speakers=0, takes=1, train_frames=FRAMES)
    clip = rendered_material(SyntheticJob(synthetic_clips(setting, 256)[0]), 256)
    width = MADE_LINES * 16 // 9
    path = folder / "made.mp4"

    def picture(frame: np.ndarray) -> np.ndarray:
        whole = np.full((MADE_LINES, width, 3), 90, np.uint8)
        whole[:, :MADE_LINES] = cv2.resize(frame, (MADE_LINES, MADE_LINES), interpolation=cv2.INTER_CUBIC)
        return whole

    write_video(path, (picture(frame) for frame in clip.frames()), audio=clip.audio, preset="veryfast", crf=23)
    return VideoJob("made", "made", "train", "clip", path, "made.mp4")


@contextmanager
def _timed(seconds: Seconds, name: str) -> Iterator[None]:
    started = time.process_time()
    yield
    seconds[name] += time.process_time() - started
