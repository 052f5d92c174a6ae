"""Training of one model: from a configuration and a latent cache to a model file."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import Logger
from lightning.pytorch.trainer.states import TrainerStatus

from lt_bench.config import RunConfig
from lt_bench.conventions import METRICS_FILE, MODEL_FILE
from lt_bench.data.cache import LatentCache
from lt_bench.errors import CheckpointError
from lt_bench.models.checkpoint import ModelCard, Weights, read_card, save_model
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.compiling import compiled_limits
from lt_bench.plugins import load_plugins, plugin_hashes
from lt_bench.training.callbacks.averaging import ModelAverage
from lt_bench.training.callbacks.checkpoints import LastCheckpoint, RunOrigin, check_same_run, find_checkpoint
from lt_bench.training.callbacks.metrics_csv import MetricsFile
from lt_bench.training.callbacks.preemption import Preempted, Preemption, signals_restored
from lt_bench.training.callbacks.progress_bar import StepProgress
from lt_bench.training.callbacks.validation_scores import ValidationScores
from lt_bench.training.config_check import check_run
from lt_bench.training.datamodule import WindowDataModule
from lt_bench.training.environment import freed_memory_kept, quiet_lightning
from lt_bench.training.hardware import matmul_precision_set, resolve_run
from lt_bench.training.module import LetsTalkModule
from lt_bench.training.trainer import build_trainer, deterministic_restored


@dataclass(frozen=True)
class TrainOutcome:
    """Result of a training."""

    model_file: Path
    steps: int
    seconds: float
    """Training seconds, including resumed runs."""
    peak_memory: int
    """Peak memory in bytes: of the process, or of the GPU if one was used."""
    parameters: int
    loss: float | None
    """Mean over the last logged steps; None if no step was left."""
    resumed_from: int | None
    """Step that this call resumed from; None for a fresh start."""


def train(
    config: RunConfig,
    out: Path,
    cache: LatentCache,
    callbacks: Sequence[pl.Callback] = (),
    progress: bool = True,
    loggers: Iterable[Logger] = (),
) -> TrainOutcome:
    """Train, and write ``out/model.safetensors``, ``out/metrics.csv`` and ``out/checkpoints/last.ckpt``.

    Resumes from a checkpoint in ``out``, and does nothing if the model file has all steps. A run that was killed and
    resumed has the same weights, bit for bit, as an uninterrupted one (on one kind of machine; on a GPU as far as its
    kernels are deterministic). This also holds for a run with a constant learning rate that is prolonged.

    Args:
        config: configuration of the run; ``auto`` is replaced by this machine's values, which checkpoint and model
            record.
        out: folder of the run.
        cache: training data.
        callbacks: additional Lightning callbacks.
        progress: whether to show a progress bar on stderr.
        loggers: Lightning loggers that receive the curves.

    Raises:
        ConfigError: settings contradict each other.
        CheckpointError: ``out`` holds a run of another configuration, a damaged checkpoint, or no checkpoint to prolong
            its model from.
        TrainingError: the loss is no longer a number.
        Preempted: the process received SIGTERM, or Slurm's SIGUSR1; a checkpoint was written.
    """
    load_plugins(config.model.plugins)
    config = resolve_run(config)
    check_run(config)
    model_file = Path(out) / MODEL_FILE
    card = _made_before(model_file, config, cache) if model_file.exists() else None
    if card and card.steps >= config.train.steps:
        return TrainOutcome(model_file, card.steps, card.seconds, card.peak_memory, card.parameters, None, card.steps)
    found = find_checkpoint(Path(out), config, cache.hash)
    if card and not found:
        raise CheckpointError(
            f"{model_file}: expected the run's checkpoint too, to go on from step {card.steps} to {config.train.steps}"
            ", got none; remove the model to start again"
        )
    if config.train.threads:
        torch.set_num_threads(config.train.threads)
    module = build_module(config, cache)
    metrics = MetricsFile(Path(out) / METRICS_FILE, config.train.log_every)
    average = ModelAverage(config.train.ema_decay) if config.train.ema_decay else None
    checkpoint = LastCheckpoint(Path(out), config.train.checkpoint_every, config.train.validate_every)
    scores = _validation_scores(config, Path(out), cache, average, metrics) if config.evaluation.score_every else None
    # Preemption comes after all that a checkpoint keeps the state of.
    own = [
        average,
        metrics,
        StepProgress() if progress else None,
        scores,
        *callbacks,
        Preemption(checkpoint.save, config.train.validate_every),
        checkpoint,
    ]
    with (
        freed_memory_kept(),
        quiet_lightning(),
        deterministic_restored(),
        signals_restored(),
        matmul_precision_set(config.train),
    ):
        trainer = build_trainer(config, Path(out), [c for c in own if c is not None], loggers)
        _fit(trainer, module, WindowDataModule(cache, config), found.path if found else None)
        # Every process takes part, since each may hold a shard.
        weights: dict[Weights, dict[str, torch.Tensor]] = {"raw": _network_state(trainer)}
        if average:
            weights["ema"] = weights["raw"] | average.averaged_state()
    # Not the module's device: Lightning has taken it off the GPU by now.
    device = trainer.strategy.root_device
    card = _card(config, cache, module, trainer.global_step, metrics.clock.seconds, device)
    if trainer.is_global_zero:
        save_model(model_file, card, weights)
    resumed_from = found.step if found else None
    return TrainOutcome(
        model_file, card.steps, card.seconds, card.peak_memory, card.parameters, metrics.loss, resumed_from
    )


def build_module(config: RunConfig, cache: LatentCache) -> LetsTalkModule:
    """Build the module of a run with resolved settings, freshly initialized for the cache's shapes.

    Raises:
        CacheError: the run decodes frames, and the cache's latents are not of the run's codec.
    """
    info = cache.info
    if config.diffusion.pixel_weight:
        cache.require(codec_hash=build_codec(config.data.codec).hash)
    speech_shape = (info.speech.layers, info.speech.dim)
    return LetsTalkModule(config, info.latent_shape, speech_shape, info.scaling, cache.hash)


def _fit(trainer: pl.Trainer, module: LetsTalkModule, data: WindowDataModule, resume: Path | None) -> None:
    handler = signal.getsignal(signal.SIGINT)
    device = trainer.strategy.root_device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)  # not what an earlier run of this process took
    try:
        with compiled_limits(len(module.model.blocks)):
            trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    except Preempted:
        raise
    except SystemExit:
        # Lightning turns an interrupt into an exit with signals ignored; the caller decides how to end.
        if trainer.state.status != TrainerStatus.INTERRUPTED:
            raise
        signal.signal(signal.SIGINT, handler)
        raise KeyboardInterrupt from None


def _network_state(trainer: pl.Trainer) -> dict[str, torch.Tensor]:
    state = trainer.strategy.lightning_module_state_dict()
    return {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}


def _validation_scores(
    config: RunConfig, out: Path, cache: LatentCache, average: ModelAverage | None, metrics: MetricsFile
) -> ValidationScores:
    def card(module: pl.LightningModule, step: int) -> ModelCard:
        assert isinstance(module, LetsTalkModule)
        return _card(config, cache, module, step, metrics.clock.seconds, module.device)

    return ValidationScores(config, out, cache, card, metrics.clock, average)


def _card(
    config: RunConfig, cache: LatentCache, module: LetsTalkModule, steps: int, seconds: float, device: torch.device
) -> ModelCard:
    info = cache.info
    return ModelCard(
        config=config,
        latent_shape=info.latent_shape,
        resolution=info.resolution,
        codec=config.data.codec,
        codec_hash=info.codec.hash,
        scaling=cache.scaling,
        speech_encoder=config.data.speech_encoder,
        speech_hash=info.speech.hash,
        speech_shape=(info.speech.layers, info.speech.dim),
        dataset=info.dataset,
        landmark_set=info.landmark_set,
        cache_hash=cache.hash,
        parameters=sum(p.numel() for p in module.parameters()),
        steps=steps,
        seconds=round(seconds, 3),
        peak_memory=_peak_memory(device),
        plugins=plugin_hashes(config.model.plugins),
    )


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _made_before(model_file: Path, config: RunConfig, cache: LatentCache) -> ModelCard:
    card = read_card(model_file)
    asked = RunOrigin.of(config, cache.hash)
    # Plugins that came later, such as a sampler's, have no part in weights that are final.
    known = {name: sha256 for name, sha256 in asked.plugins.items() if name in card.plugins}
    made = RunOrigin(card.config, card.cache_hash, card.plugins)
    check_same_run(model_file, made, replace(asked, plugins=known), card.steps)
    return card
