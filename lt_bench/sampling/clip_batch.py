"""One batch of clips: generated side by side, each window going to its file as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.data.real_set import RealClip, RealSet
from lt_bench.errors import LtBenchError
from lt_bench.media.audio import spool_audio
from lt_bench.media.image import read_image
from lt_bench.media.sound import SpooledSound
from lt_bench.media.video_writer import video_writer
from lt_bench.sampling.generated_set import GeneratedClip, Miss
from lt_bench.sampling.generation_pipeline import Pipeline
from lt_bench.sampling.generator import ClipRequest
from lt_bench.shapes import UInt8

Advance = Callable[[int], None]
"""Called with the frames that are done more than before."""


@dataclass(frozen=True)
class MadeBatch:
    """What became of the clips of a batch."""

    clips: tuple[GeneratedClip, ...]
    misses: tuple[Miss, ...]
    frames: int
    """Of all clips, the misses' too."""


@dataclass(frozen=True)
class _Job:
    clip: RealClip
    request: ClipRequest
    voice: SpooledSound


def generate_batch(
    pipeline: Pipeline, real_set: RealSet, batch: Sequence[RealClip], out: Path, advance: Advance
) -> MadeBatch:
    """Write the videos of a batch; a clip whose portrait or sound cannot be used is a miss.

    Args:
        pipeline: generates them.
        real_set: of the clips.
        batch: the clips.
        out: folder of the videos.
        advance: called after each window.
    """
    begin = time.perf_counter()
    jobs: list[_Job] = []
    misses: list[Miss] = []
    with ExitStack() as stack:
        for clip in batch:
            try:
                jobs.append(_job(pipeline, real_set, clip, out, stack))
            except LtBenchError as error:
                misses.append(Miss(clip.id, " ".join(str(error).split())))
                advance(clip.frames)
        _write_windows(pipeline, jobs, out, advance)
    seconds = time.perf_counter() - begin
    frames = sum(job.clip.frames for job in jobs)
    made = (
        GeneratedClip(j.clip.id, f"{j.clip.id}.mp4", j.clip.frames, round(seconds * j.clip.frames / frames, 4))
        for j in jobs
    )
    return MadeBatch(tuple(made), tuple(misses), sum(clip.frames for clip in batch))


def _write_windows(pipeline: Pipeline, jobs: Sequence[_Job], out: Path, advance: Advance) -> None:
    """Generate the batch's clips side by side, each window going to its file as it comes.

    Files are encoded in threads, a window behind, while the device computes the next one.
    """
    with ExitStack() as files:
        writers = [
            files.enter_context(video_writer(out / f"{job.clip.id}.mp4", FPS, job.voice, SAMPLE_RATE)) for job in jobs
        ]
        pool = files.enter_context(ThreadPoolExecutor(max(1, len(jobs))))
        written: dict[int, Future[None]] = {}
        for window in pipeline.generator.windows([job.request for job in jobs]):
            frames = list(pipeline.decode(iter([window.latents])))
            if window.request in written:  # a file's windows are in order, and few wait in memory
                written.pop(window.request).result()
            written[window.request] = pool.submit(_write_frames, writers[window.request], frames)
            advance(len(window.latents))
        for last in written.values():
            last.result()


def _write_frames(write: Callable[[UInt8[np.ndarray, "H W 3"]], None], frames: Sequence[np.ndarray]) -> None:
    for frame in frames:
        write(frame)


def _job(pipeline: Pipeline, real_set: RealSet, clip: RealClip, out: Path, stack: ExitStack) -> _Job:
    picture = read_image(real_set.folder / clip.portrait)
    side = real_set.resolution
    if picture.shape[:2] != (side, side):
        raise LtBenchError(f"{clip.portrait}: expected {side}x{side} pixels, got {picture.shape[1]}x{picture.shape[0]}")
    voice = stack.enter_context(spool_audio(real_set.folder / clip.audio, out, SAMPLE_RATE))
    return _Job(clip, pipeline.request(clip.id, picture, voice, clip.frames), voice)
