"""A callback that counts optimizer steps instead of micro-batches."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl


def validation_follows(trainer: pl.Trainer, every: int) -> bool:
    """Return whether a validation follows the last step; ``every`` is ``train.validate_every``."""
    return every > 0 and trainer.global_step % every == 0


class StepCallback(pl.Callback):
    """Calls ``on_step_end`` once per optimizer step."""

    _step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Record the step that the run starts or resumes from."""
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Call ``on_step_end`` after the micro-batch that completed a step."""
        if trainer.global_step != self._step:
            self._step = trainer.global_step
            self.on_step_end(trainer, pl_module)

    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Handle the end of an optimizer step, which ``trainer.global_step`` counts."""
