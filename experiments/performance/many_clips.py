"""Measure the cost per clip in sets of 10 to 10,000 clips, and the time to resume a finished cache of 10,000.

    python experiments/performance/many_clips.py [--out experiments/performance/many_clips.json]

Everything around a clip is real (list of sources, journal, files, search for duplicates, index, checksums, the
command). The content is 16 frames of random numbers per clip, because rendering 10,000 clips would measure the
renderer. The result is the pipeline's own cost of a few milliseconds per clip, which shows costs that grow with the
set.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from measure import report

from data_prep.datasets.jobs import SyntheticJob
from data_prep.datasets.registry import list_source
from data_prep.describe import describe_cache
from data_prep.engines import run_jobs
from data_prep.filters.duplicates import Fingerprint
from data_prep.finalize import drop_duplicates
from data_prep.resolved import resolve_auto
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.clip_tensors import PreparedClip, write_clip
from lt_bench.data.format import CacheInfo, ClipQuality, ClipRecord
from lt_bench.data.writer import CacheWriter

SIZES = (10, 100, 1000, 10_000)
FRAMES = 16


@dataclass(frozen=True)
class Generator:
    """A replacement of the preparer that writes random clips."""

    cache: Path
    info: CacheInfo

    def prepare(self, job: SyntheticJob) -> tuple[ClipRecord, str]:
        """Write a clip of random numbers, and return its row and its fingerprint."""
        rng, info, spec = np.random.default_rng(job.spec.speaker), self.info, job.spec
        clip = PreparedClip(
            id=spec.id,
            identity=spec.identity,
            split=spec.split,
            role=spec.role,
            source=job.source,
            crop=None,
            quality=ClipQuality(1.0, 20.0, 30.0, 120.0, None),
            latents=rng.normal(size=(FRAMES, *info.latent_shape)),
            audio=rng.normal(size=(FRAMES, info.speech.layers, info.speech.dim)),
            landmarks=rng.random((FRAMES, 10, 2)),
            mouth_box=rng.random((FRAMES, 4)),
            portrait=rng.normal(size=info.latent_shape),
            truth=rng.normal(size=(FRAMES, 12)),
        )
        seen = Fingerprint(FRAMES)
        for frame in rng.integers(0, 256, (FRAMES, 16, 16, 3), np.uint8):
            seen.add(frame)
        sound = rng.normal(size=FRAMES * 640).astype(np.float32)
        return write_clip(self.cache, clip, info), seen.text(sound)

    def close(self) -> None:
        """Do nothing, because no resource is open."""


def config_of(clips: int, out: Path) -> DataConfig:
    """Configure a synthetic set with a number of training clips, which is not exported."""
    sizes = SyntheticConfig(
        train_speakers=clips, validation_speakers=0, test_speakers=0, takes=1, train_frames=FRAMES, test_frames=FRAMES
    )
    return DataConfig(cache=str(out), resolution=32, synthetic=sizes)


def build(clips: int, out: Path) -> dict[str, float]:
    """Prepare a cache in this process, and return CPU and wall milliseconds per clip."""
    started, cpu = time.perf_counter(), time.process_time()
    config = config_of(clips, out)
    source = list_source(config)
    info = describe_cache(resolve_auto(config), source.hash)
    with CacheWriter(out, info) as writer:
        for record, seen in run_jobs(source.jobs, partial(Generator, out, info), partial(_lost), workers=1):
            writer.commit(record, {"job": record.id, "parts": 1, "fingerprint": seen})
        copies = drop_duplicates(writer)
        writer.finish()
    if copies:
        raise RuntimeError(f"expected no duplicates among random clips, got {copies}")
    return {
        "cpu_ms_a_clip": round((time.process_time() - cpu) / clips * 1e3, 3),
        "wall_ms_a_clip": round((time.perf_counter() - started) / clips * 1e3, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _lost(job: SyntheticJob, reason: str) -> tuple[ClipRecord, str]:
    raise RuntimeError(f"{job.id}: {reason}")


def resume(clips: int, out: Path) -> dict[str, float]:
    """Rerun the command on the finished cache in a separate process, including start and imports."""
    keys = [f"synthetic.{key}={value}" for key, value in vars(config_of(clips, out).synthetic).items()]
    command = [sys.executable, "-m", "lt_bench", "prepare", "synthetic", "--out", str(out), "--resolution", "32"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, *keys, "--json"], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_seconds": round(cpu, 2), "wall_seconds": round(time.perf_counter() - started, 2)}


def main() -> None:
    """Measure all sizes, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Cost of a clip by the size of the set.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        build(10, Path(folder) / "warm")
        for clips in SIZES:
            found[str(clips)] = build(clips, Path(folder) / str(clips))
        folders = {clips: Path(folder) / str(clips) for clips in (SIZES[0], SIZES[-1])}
        verified = {str(clips): resume(clips, out) for clips, out in folders.items()}  # the stage that was left out
        again = {str(clips): resume(clips, out) for clips, out in folders.items()}
    rows = [("clips", "CPU ms a clip", "wall ms a clip", "peak MB", "resume, CPU s", "resume, wall s")]
    for clips, row in found.items():
        second = again.get(clips, {})
        rows.append(
            (clips, *(str(v) for v in row.values()), *(str(second.get(k, "")) for k in ("cpu_seconds", "wall_seconds")))
        )
    ratio = found[str(SIZES[-1])]["cpu_ms_a_clip"] / found["100"]["cpu_ms_a_clip"]
    document = {
        "content": "generated",
        "sizes": found,
        "verify_and_report": verified,
        "resume_finished": again,
        "cpu_10000_over_100": round(ratio, 3),
    }
    report(arguments.out, document, rows, "Cost of a clip by the size of the set")


if __name__ == "__main__":
    main()
