"""Scoring of a validation set during training: its clips are generated with the current weights and evaluated."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
import torch.distributed as dist
from torch import Tensor

from lt_bench.config import RunConfig
from lt_bench.conventions import MODEL_FILE, RESULT_FILE, VIDEOS
from lt_bench.data.cache import LatentCache
from lt_bench.evaluation.harness import Harness, Options
from lt_bench.evaluation.results.result_file import Result, save_result
from lt_bench.models.checkpoint import ModelCard, Weights, load_model, save_model
from lt_bench.perception.device import detectors_released
from lt_bench.sampling.videos import generate_split
from lt_bench.training.callbacks.averaging import ModelAverage
from lt_bench.training.callbacks.clock import TrainingClock
from lt_bench.training.callbacks.step_callback import StepCallback

FOLDER = "scores"
SPLIT = "validation"
PATIENCE = timedelta(days=2)
"""Time that other processes wait for the first one, because scoring exceeds NCCL's limit for a barrier."""


class ValidationScores(StepCallback):
    """Scores the validation split at regular steps, into ``out/scores/step000500/`` with videos and ``result.json``.

    The first process generates and scores while the others wait. Random states are restored, so runs with and without
    scores end with the same weights. Values reach any Lightning logger as ``scores/<name>``; those in the run's folder
    reach MLflow the same way (``lt_bench.jobs.job_tracking``).

    Args:
        config: configuration of the run: protocol, sampling, interval and number of clips.
        out: folder of the run.
        cache: cache whose split ``validation`` is scored.
        card: returns the description of the weights of a step.
        clock: training clock, which is paused meanwhile.
        average: averaged weights, used if sampling asks for ``ema``.

    Raises:
        ConfigError: the protocol is unknown; raised before training.
        CacheError: the cache has no real videos of the split.
    """

    def __init__(
        self,
        config: RunConfig,
        out: Path,
        cache: LatentCache,
        card: Callable[[pl.LightningModule, int], ModelCard],
        clock: TrainingClock,
        average: ModelAverage | None = None,
    ) -> None:
        rules = config.evaluation
        self.config, self.out, self.every = config, Path(out) / FOLDER, rules.score_every
        self.real = cache.real_folder(SPLIT)
        self.harness = Harness(rules.protocol, Options(clips=rules.score_clips))
        self._card, self._clock, self._average = card, clock, average
        self._waiting: Any = None  # a process group, where there are several processes

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the step, and create the process group in which the others wait."""
        super().on_train_start(trainer, pl_module)
        if trainer.world_size > 1:
            self._waiting = dist.new_group(backend="gloo", timeout=PATIENCE)

    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Score if it is time."""
        if trainer.global_step % self.every:
            return
        with self._clock.stopped():
            weights = self._weights(trainer)  # every process takes part, since each may hold a shard
            if trainer.is_global_zero:
                # Of its own GPU alone: CUDA would take memory of each GPU whose state is asked for.
                own = [torch.cuda.current_device()] if module.device.type == "cuda" else []
                with torch.random.fork_rng(own), detectors_released():
                    result = self._score(self._card(module, trainer.global_step), weights, trainer.global_step)
                _log(trainer, result)
            if self._waiting is not None:
                dist.barrier(self._waiting)

    def _weights(self, trainer: pl.Trainer) -> dict[Weights, dict[str, Tensor]]:
        state = trainer.strategy.lightning_module_state_dict()
        raw = {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
        weights: dict[Weights, dict[str, Tensor]] = {"raw": raw}
        if self._average:
            weights["ema"] = raw | self._average.averaged_state()
        return weights

    def _score(self, card: ModelCard, weights: dict[Weights, dict[str, Tensor]], step: int) -> Result:
        folder = self.out / f"step{step:06d}"
        if folder.exists():  # of weights that a killed run had here, and perhaps half made
            shutil.rmtree(folder)
        model_file, sampling = folder / MODEL_FILE, self.config.sampling
        save_model(model_file, card, {sampling.weights: weights[sampling.weights]})
        try:
            loaded = load_model(model_file, sampling.weights)
            generate_split(loaded, self.real, folder / VIDEOS, sampling, clips=self.config.evaluation.score_clips)
        finally:
            model_file.unlink()
        result = self.harness.evaluate(self.real, folder / VIDEOS, meta={"train_steps": step})
        save_result(result, folder / RESULT_FILE)
        return result


def _log(trainer: pl.Trainer, result: Result) -> None:
    values = {f"scores/{s.name}": s.value for s in result.scores.values() if s.value is not None}
    values["scores/clips_scored"] = float(result.scored)
    for logger in trainer.loggers:
        logger.log_metrics(values, step=trainer.global_step)
