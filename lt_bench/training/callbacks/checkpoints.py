"""Checkpoints of a run: written atomically, read without running code, and accepted only by the same run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lt_bench.assets.weights import read_torch
from lt_bench.config import RunConfig, TrainConfig, parse_config, to_dict
from lt_bench.config.free_keys import FREE_KEYS, SHARING_KEYS
from lt_bench.conventions import CHECKPOINTS
from lt_bench.errors import CheckpointError, ConfigError, LtBenchError, WriteError
from lt_bench.files import atomic_path
from lt_bench.plugins import plugin_hashes
from lt_bench.training.callbacks.step_callback import validation_follows
from lt_bench.training.module import CHECKPOINT_KEY, CHECKPOINT_VERSION
from lt_bench.versions import check_version

LAST = "last.ckpt"
# What decides no weight: a run may go on with others.
FREE_SECTIONS = ("sampling", "evaluation")
ANY_VALUE = (*FREE_KEYS, *SHARING_KEYS, "train.validate_every")
LENGTH = "train.steps"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints through a temporary file, fsync and rename."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write one checkpoint; a full disk is an error that names the file."""
        with atomic_path(path) as temporary:
            try:
                torch.save(checkpoint, temporary)
            except RuntimeError as error:  # torch's zip writer hides the system's error
                raise WriteError(f"{path}: could not be written: {error}") from error


class LastCheckpoint(ModelCheckpoint):
    """Keeps one checkpoint, replaced every ``every`` steps and after the last.

    At a validated step it is saved after the validation, so a resumed run does not repeat the validation.
    """

    def __init__(self, out: Path, every: int, validate_every: int = 0) -> None:
        super().__init__(
            dirpath=out / CHECKPOINTS,
            filename=Path(LAST).stem,
            save_top_k=1,
            every_n_train_steps=every,
            save_on_train_epoch_end=False,
            enable_version_counter=False,
        )

        self.every, self.validate_every = every, validate_every

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the step that the run resumes from, which need not be saved again."""
        super().on_train_start(trainer, pl_module)
        self._last_global_step_saved = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if it is time, unless a validation follows."""
        if not validation_follows(trainer, self.validate_every):
            self._save_if_due(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save if it is time."""
        super().on_validation_end(trainer, pl_module)
        if not trainer.sanity_checking:
            self._save_if_due(trainer)

    def _save_if_due(self, trainer: pl.Trainer) -> None:
        if trainer.global_step % self.every == 0 or trainer.global_step >= trainer.max_steps:
            self.save(trainer)

    def save(self, trainer: pl.Trainer) -> None:
        """Save this step, unless it is saved already; every process must call it."""
        if trainer.global_step != self._last_global_step_saved:
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))


@dataclass(frozen=True)
class FoundCheckpoint:
    """A checkpoint to resume from, with its number of steps."""

    path: Path
    step: int


def find_checkpoint(out: Path, config: RunConfig, cache_hash: str) -> FoundCheckpoint | None:
    """Return the checkpoint that a run in ``out`` resumes from, or None.

    Raises:
        CheckpointError: it is damaged, or belongs to another configuration or cache.
    """
    path = out / CHECKPOINTS / LAST
    if not path.exists():
        return None
    try:
        document = read_torch(path)
    except LtBenchError as error:
        raise CheckpointError(f"{path}: expected a checkpoint, got {error}") from None
    made = document.get(CHECKPOINT_KEY) if isinstance(document, dict) else None
    if not isinstance(made, dict):
        raise CheckpointError(f"{path}: expected a checkpoint of lt-bench train, got another file")
    check_version(made, str(path), CHECKPOINT_VERSION, error=CheckpointError)
    try:
        config_made = parse_config(RunConfig, made["config"], str(path))
        origin = RunOrigin(config_made, str(made["cache_hash"]), dict(made.get("plugins", {})))
        step = int(document["global_step"])
    except (KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, ConfigError) else f"{path}: expected a whole checkpoint, got none"
        raise CheckpointError(reason) from None
    check_same_run(path, origin, RunOrigin.of(config, cache_hash), step)
    return FoundCheckpoint(path, step)


@dataclass(frozen=True)
class RunOrigin:
    """Everything that decides the weights of a run."""

    config: RunConfig
    cache_hash: str
    plugins: dict[str, str]
    """SHA-256 of each plugin by file name."""

    @classmethod
    def of(cls, config: RunConfig, cache_hash: str) -> RunOrigin:
        """Return the origin of a run that is requested now."""
        return cls(config, cache_hash, plugin_hashes(config.model.plugins))


def check_same_run(path: Path, made: RunOrigin, asked: RunOrigin, step: int) -> None:
    """Refuse to resume from a file of another run; a run with a constant learning rate may become longer.

    Args:
        path: path of the file.
        made: origin of the run in the file.
        asked: origin of the requested run.
        step: last step whose weights the file contains.

    Raises:
        CheckpointError: names the first key or plugin that differs.
    """
    old, new = _flat(to_dict(made.config)), _flat(to_dict(asked.config))
    for key in sorted(old.keys() | new.keys()):
        free = key in (*ANY_VALUE, LENGTH) or key.partition(".")[0] in FREE_SECTIONS
        if not free and old.get(key) != new.get(key):
            raise CheckpointError(
                f"{path}: expected {key}: {new.get(key)!r}, got a run of {key}: {old.get(key)!r}; "
                "choose another folder, or remove this one to start again"
            )
    if made.cache_hash != asked.cache_hash:
        raise CheckpointError(
            f"{path}: expected a run on cache {asked.cache_hash[:16]}, got one on {made.cache_hash[:16]}"
        )
    for name in sorted(made.plugins.keys() | asked.plugins.keys()):
        old_hash, new_hash = made.plugins.get(name, "none"), asked.plugins.get(name, "none")
        if old_hash != new_hash:
            raise CheckpointError(
                f"{path}: expected a run with plugin {name} of sha256 {new_hash[:16]}, got one with {old_hash[:16]}; "
                "choose another folder, or remove this one to start again"
            )
    _check_length(path, made.config.train, asked.config.train, step)


def _check_length(path: Path, made: TrainConfig, asked: TrainConfig, step: int) -> None:
    """Refuse another length if it would have changed the steps that were taken, or is less than their number."""
    if asked.steps == made.steps:
        return
    if asked.decay != "constant":
        raise CheckpointError(
            f"{path}: expected {LENGTH}: {asked.steps}, got a run of {LENGTH}: {made.steps}, whose learning rate falls "
            "to zero at its end; only runs of train.decay: constant can be prolonged, so choose another folder, or "
            "remove this one to start again"
        )
    if asked.steps < step:
        raise CheckpointError(
            f"{path}: expected {LENGTH}: {asked.steps}, got a run that has taken {step} steps; choose another folder, "
            "or remove this one to start again"
        )


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat
