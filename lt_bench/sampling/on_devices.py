"""Batches of clips generated in several processes, each with its own device."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch

from lt_bench.config import SamplingConfig
from lt_bench.data.real_set import RealClip, read_real_set
from lt_bench.devices import usable_cores
from lt_bench.errors import LtBenchError
from lt_bench.models.checkpoint import load_model
from lt_bench.plugins import load_plugins
from lt_bench.process_pool import run_in_processes
from lt_bench.sampling.clip_batch import Advance, MadeBatch, generate_batch
from lt_bench.sampling.generation_pipeline import Pipeline


@dataclass(frozen=True)
class BatchWorker:
    """Generates batches in a separate process; the model is loaded for the first one."""

    model: Path
    sampling: SamplingConfig
    real: Path
    """Folder of the real set."""
    out: Path
    """Folder of the videos."""
    plugins: tuple[Path, ...] = ()

    def make(self, batch: Sequence[RealClip]) -> MadeBatch:
        """Write the videos of a batch."""
        return generate_batch(self._pipeline, read_real_set(self.real), batch, self.out, lambda frames: None)

    @cached_property
    def _pipeline(self) -> Pipeline:
        load_plugins(self.plugins)
        return Pipeline(load_model(self.model, self.sampling.weights), self.sampling)


def generate_on_devices(
    worker: BatchWorker, batches: Sequence[Sequence[RealClip]], devices: Sequence[str], advance: Advance
) -> Iterator[MadeBatch]:
    """Generate batches, in any order, with one process for each device.

    Args:
        worker: what a process does; it sees its own device only.
        batches: what to generate.
        devices: as ``lt_bench.devices.parse_devices`` names them.
        advance: called after each batch with its frames.

    Raises:
        LtBenchError: what a process raised, or that it died.
    """
    used = devices[: len(batches)]
    threads = max(1, usable_cores() // len(used))
    setup = partial(_start, worker, threads)
    try:
        for made in run_in_processes(_make, batches, setup, len(used), used):
            advance(made.frames)
            yield made
    except BrokenProcessPool:
        raise LtBenchError(
            f"{worker.out}: a worker process died, perhaps for want of memory; what it had finished is kept: rerun the "
            "same command with a smaller sampling.batch_size"
        ) from None


_WORKER: list[BatchWorker] = []


def _start(worker: BatchWorker, threads: int) -> None:
    _WORKER[:] = [worker]
    torch.set_num_threads(threads)


def _make(batch: Sequence[RealClip]) -> MadeBatch:
    return _WORKER[0].make(batch)
