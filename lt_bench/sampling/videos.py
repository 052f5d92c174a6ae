"""Generation of the clips of a real set as a folder of mp4 files, which evaluation reads like any other system's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from lt_bench.config import SamplingConfig
from lt_bench.conventions import FPS, MANIFEST_FILE
from lt_bench.data.real_set import RealClip, RealSet, read_real_set
from lt_bench.errors import CheckpointError
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.sampling.clip_batch import MadeBatch, generate_batch
from lt_bench.sampling.generated_set import GeneratedSet, read_generated_set, write_generated_set
from lt_bench.sampling.generation_pipeline import Pipeline, plugins_used
from lt_bench.sampling.on_devices import BatchWorker, generate_on_devices
from lt_bench.sampling.operations import Operations, count_operations

Progress = Callable[[int, int], None]
"""Callback that receives the finished and the total number of frames."""


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
    devices: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
) -> GeneratedSet:
    """Write ``out/<id>.mp4`` with sound for each clip of a real set, and ``out/manifest.json``.

    Existing clips are not generated again. A clip whose portrait or sound cannot be used is listed with its reason, and
    the other clips are generated.

    Args:
        loaded: model to generate with.
        real: folder of the real set.
        out: folder of the videos.
        sampling: sampler, scales, seed, and how many clips are generated side by side.
        system: name of what made the videos.
        clips: number of clips to generate, the first ones; 0 for all.
        progress: told after each window.
        device: where to generate; the first GPU or the CPU by default.
        devices: generate batches in several processes instead, each with one of these devices, as
            ``lt_bench.devices.parse_devices`` names them; the model is read again from its file.
        plugins: Python files that those processes import, as this one did.

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
        meter = _Meter(progress, sum(c.frames for c in wanted), sum(c.frames for c in done.clips))
        batches = _batches(left, sampling.batch_size)
        if devices:
            worker = BatchWorker(loaded.path, sampling, real_set.folder, out, tuple(map(Path, plugins)))
            results = generate_on_devices(worker, batches, devices, meter.advance)
        else:
            results = _generate_here(Pipeline(loaded, sampling, device), real_set, batches, out, meter)
        order = {clip.id: place for place, clip in enumerate(clip for batch in batches for clip in batch)}
        for batch in results:
            misses = sorted((*done.misses, *batch.misses), key=lambda miss: order[miss.id])
            done = replace(done, clips=(*done.clips, *batch.clips), misses=tuple(misses))
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
    plugins = plugins_used(loaded, sampling)
    new = GeneratedSet(system, loaded.sha256, real_set.hash, sampling, card.parameters, card.seconds, plugins)
    if not (out / MANIFEST_FILE).exists():
        write_generated_set(out, new)
        return new
    old = read_generated_set(out)
    difference = old.same_source(new)
    if difference:
        raise CheckpointError(
            f"{out}: expected an empty folder or videos of the same source, got others (key '{difference}' differs); "
            "choose another folder, or remove this one"
        )
    whole = tuple(clip for clip in old.clips if (out / clip.video).is_file())
    return replace(new, clips=whole)


def _batches(clips: Sequence[RealClip], size: int) -> list[list[RealClip]]:
    # Clips of like length side by side: a batch then stays full to its end.
    ordered = sorted(clips, key=lambda clip: (clip.frames, clip.id))
    return [ordered[start : start + max(1, size)] for start in range(0, len(ordered), max(1, size))]


def _generate_here(
    pipeline: Pipeline, real_set: RealSet, batches: Sequence[Sequence[RealClip]], out: Path, meter: _Meter
) -> Iterator[MadeBatch]:
    for batch in batches:
        yield generate_batch(pipeline, real_set, batch, out, meter.advance)


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
