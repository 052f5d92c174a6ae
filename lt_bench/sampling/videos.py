"""Generation of the clips of a real set as a folder of mp4 files, which evaluation reads like any other system's."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lt_bench.config import SamplingConfig
from lt_bench.data.real_set import RealClip, RealSet, read_real_set
from lt_bench.errors import CheckpointError, LtBenchError
from lt_bench.media.audio import spool_audio
from lt_bench.media.image import read_image
from lt_bench.media.sound import SpooledSound
from lt_bench.media.video_writer import video_writer
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.sampling.frames import FPS, SAMPLE_RATE
from lt_bench.sampling.generated_set import (
    MANIFEST_FILE,
    GeneratedClip,
    GeneratedSet,
    Miss,
    read_generated_set,
    write_generated_set,
)
from lt_bench.sampling.generator import ClipRequest
from lt_bench.sampling.operations import Operations, count_operations
from lt_bench.sampling.pipeline import Pipeline
from lt_bench.shapes import UInt8

Progress = Callable[[int, int], None]
"""Callback that receives the finished and the total number of frames."""


@dataclass(frozen=True)
class _Job:
    clip: RealClip
    request: ClipRequest
    voice: SpooledSound


def generate_split(
    loaded: LoadedModel,
    real: Path,
    out: Path,
    sampling: SamplingConfig,
    *,
    system: str = "letstalk",
    clips: int = 0,
    progress: Progress | None = None,
    device: torch.device | str | None = None,
) -> GeneratedSet:
    """Write ``out/<id>.mp4`` with sound for each clip of a real set, and ``out/manifest.json``.

    Existing clips are not generated again. A clip whose portrait or sound cannot be used is listed with its reason, and
    the other clips are generated.

    Args:
        loaded: model to generate with.
        real: folder of the real set.
        out: folder of the videos.
        sampling: sampler, scales, seed, and number of clips to generate in parallel.
        system: name of the system in the manifest.
        clips: number of clips, from the first; 0 for all.
        progress: callback after each window.
        device: device to generate on; by default the first GPU or the CPU.

    Raises:
        CacheError: ``real`` is not a real set.
        CheckpointError: the model does not fit the real set, or ``out`` contains videos with other settings.
    """
    real_set = read_real_set(real)
    if real_set.resolution != loaded.card.resolution:
        sizes = f"{real_set.resolution} px of {real}, got one for {loaded.card.resolution} px"
        raise CheckpointError(f"{loaded.path}: expected a model for the {sizes}")
    wanted = [clip for clip in real_set.clips if clip.role == "clip"]
    wanted = wanted[:clips] if clips else wanted
    done = _begin(loaded, real_set, out, sampling, system)
    ready = {clip.id for clip in done.clips}
    done = replace(done, clips=tuple(c for c in done.clips if c.id in {w.id for w in wanted}), misses=())
    left = [clip for clip in wanted if clip.id not in ready]
    operations = _operations(loaded, sampling)
    if left:
        pipeline = Pipeline(loaded, sampling, device)
        meter = _Meter(progress, sum(c.frames for c in wanted), sum(c.frames for c in done.clips))
        for batch in _batches(left, sampling.batch_size):
            done = _generate_batch(pipeline, real_set, batch, out, done, meter)
            write_generated_set(out, _summed(done, operations, complete=False))
    done = _summed(done, operations, complete=True)
    write_generated_set(out, done)
    return done


@dataclass
class _Meter:
    progress: Progress | None
    total: int
    done: int

    def advance(self, frames: int) -> None:
        self.done += frames
        if self.progress is not None:
            self.progress(self.done, self.total)


def _begin(loaded: LoadedModel, real_set: RealSet, out: Path, sampling: SamplingConfig, system: str) -> GeneratedSet:
    card = loaded.card
    new = GeneratedSet(system, loaded.sha256, real_set.hash, sampling, card.parameters, card.seconds)
    if not (out / MANIFEST_FILE).exists():
        write_generated_set(out, new)
        return new
    old = read_generated_set(out)
    difference = old.same_source(new)
    if difference:
        raise CheckpointError(
            f"{out}: expected an empty folder or videos of the same source, got others (key '{difference}' differs)"
        )
    whole = tuple(clip for clip in old.clips if (out / clip.video).is_file())
    return replace(new, clips=whole)


def _batches(clips: Sequence[RealClip], size: int) -> Iterator[list[RealClip]]:
    # Batches contain clips of similar length, so that a batch stays full until its end.
    ordered = sorted(clips, key=lambda clip: (clip.frames, clip.id))
    for start in range(0, len(ordered), max(1, size)):
        yield ordered[start : start + max(1, size)]


def _generate_batch(
    pipeline: Pipeline, real_set: RealSet, batch: Sequence[RealClip], out: Path, done: GeneratedSet, meter: _Meter
) -> GeneratedSet:
    begin = time.perf_counter()
    jobs: list[_Job] = []
    misses: list[Miss] = []
    with ExitStack() as stack:
        for clip in batch:
            try:
                jobs.append(_job(pipeline, real_set, clip, out, stack))
            except LtBenchError as error:
                misses.append(Miss(clip.id, " ".join(str(error).split())))
                meter.advance(clip.frames)
        _write_windows(pipeline, jobs, out, meter)
    seconds = time.perf_counter() - begin
    frames = sum(job.clip.frames for job in jobs)
    made = [
        GeneratedClip(j.clip.id, f"{j.clip.id}.mp4", j.clip.frames, round(seconds * j.clip.frames / frames, 4))
        for j in jobs
    ]
    return replace(done, clips=(*done.clips, *made), misses=(*done.misses, *misses))


def _write_windows(pipeline: Pipeline, jobs: Sequence[_Job], out: Path, meter: _Meter) -> None:
    """Generate the clips of a batch in parallel, and write each window to its file immediately.

    Files are encoded in threads, one window behind, while the device computes the next one.
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
            meter.advance(len(window.latents))
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


def _operations(loaded: LoadedModel, sampling: SamplingConfig) -> Operations:
    card = loaded.card
    return count_operations(card.config.model, card.config.diffusion, sampling, card.latent_shape, card.speech_shape)


def _summed(done: GeneratedSet, operations: Operations, complete: bool) -> GeneratedSet:
    # Numbers are kept exactly, so that the order of generation changes no digit when the folder is read again.
    seconds, frames = math.fsum(c.seconds for c in done.clips), sum(c.frames for c in done.clips)
    macs = sum(operations.of_video(c.frames) for c in done.clips)
    return replace(
        done,
        complete=complete,
        seconds_per_clip=round(seconds / len(done.clips), 4) if done.clips else None,
        seconds_per_video_second=round(seconds * FPS / frames, 4) if frames else None,
        macs_per_video_second=macs * FPS / frames if frames else None,
        clips=tuple(sorted(done.clips, key=lambda clip: clip.id)),
    )
