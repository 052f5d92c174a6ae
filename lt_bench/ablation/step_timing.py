"""Timing of a few real training and sampling steps of a model, and of scoring a few clips, on this machine."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch

from lt_bench.ablation.grid_costs import Cost
from lt_bench.config import RunConfig, SamplingConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.real_set import read_real_set
from lt_bench.evaluation.harness import Harness, Options
from lt_bench.models.checkpoint import load_model
from lt_bench.sampling.videos import generate_split
from lt_bench.training.config_check import check_run
from lt_bench.training.run import train

WARM_UP, STEPS = 2, 5
"""Training steps before timing starts, and those that are timed."""
BUDGET = 20.0
"""Seconds after which no further training step is started; at least one is timed."""
FEW, MORE = 1, 3
"""Sampler steps of the two timed generations, between which time grows linearly."""
CLIPS = 2
"""Clips to generate and score on a machine without a GPU."""


@dataclass(frozen=True)
class Amount:
    """Amount of generation and scoring of a model."""

    clips: int
    frames: int


def amount(cache: LatentCache, split: str, clips: int, times: int = 1) -> Amount:
    """Return the clips of a split; ``times`` as many if the cache is a miniature."""
    found = [clip for clip in read_real_set(cache.real_folder(split)).clips if clip.role == "clip"] * times
    found = found[: clips or None]
    return Amount(len(found), sum(clip.frames for clip in found))


class _StepTimer(pl.Callback):
    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        if len(self.times) < trainer.global_step:
            self.times.append(time.perf_counter())
        if len(self.times) > 1 and self.times[-1] - self.times[0] > BUDGET:
            trainer.should_stop = True

    @property
    def seconds(self) -> float:
        """Seconds of one optimizer step."""
        times = self.times[min(WARM_UP, len(self.times) - 1) - 1 :]
        return (times[-1] - times[0]) / (len(times) - 1)


def time_model(config: RunConfig, cache: LatentCache, whole: Amount, threads: int) -> Cost:
    """Return the seconds that a model takes, from a few of its steps; no files are left.

    Args:
        config: configuration of the model.
        cache: its training cache, or a miniature of it.
        whole: amount that it generates and scores.
        threads: threads of its worker, if the configuration does not set them.

    Raises:
        LtBenchError: it cannot be trained, generated from or scored here.
    """
    check_run(config)
    before = torch.get_num_threads()
    torch.set_num_threads(config.train.threads or threads)
    try:
        with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder:
            return _time_model(config, cache, whole, Path(folder))
    finally:
        torch.set_num_threads(before)


def _time_model(config: RunConfig, cache: LatentCache, whole: Amount, folder: Path) -> Cost:
    steps, timer = min(config.train.steps, WARM_UP + STEPS), _StepTimer()
    short = replace(config.train, steps=max(2, steps), checkpoint_every=10**9, validate_every=0)
    quick = replace(config, train=short, evaluation=replace(config.evaluation, score_every=0))
    model_file = train(quick, folder, cache, callbacks=[timer], progress=False).model_file
    real = cache.real_folder(config.evaluation.split)
    clips = min(config.sampling.batch_size if torch.cuda.is_available() else CLIPS, whole.clips)
    sampled = {
        steps: _generate(model_file, real, folder / f"videos{steps}", replace(config.sampling, steps=steps), clips)
        for steps in sorted({min(FEW, config.sampling.steps), min(MORE, config.sampling.steps)})
    }
    part = amount(cache, config.evaluation.split, clips).frames
    generating = _at(sampled, config.sampling.steps) * whole.frames / part
    begun = time.perf_counter()
    harness = Harness(config.evaluation.protocol, Options(clips=clips, store=folder / "store"))
    harness.evaluate(real, folder / f"videos{max(sampled)}")
    scoring = (time.perf_counter() - begun) * whole.clips / clips
    return Cost(timer.seconds * config.train.steps, generating, scoring, "timed now")


def _generate(model_file: Path, real: Path, out: Path, sampling: SamplingConfig, clips: int) -> float:
    loaded = load_model(model_file, sampling.weights)
    begun = time.perf_counter()
    generate_split(loaded, real, out, sampling, clips=clips)
    return time.perf_counter() - begun


def _at(sampled: dict[int, float], steps: int) -> float:
    """Return the seconds for a number of sampler steps, on the line through two measurements, or of the only one."""
    if steps in sampled:
        return sampled[steps]
    (few, a), (more, b) = sorted(sampled.items())
    return a + max(0.0, b - a) / (more - few) * (steps - few)
