"""Tells a job's status how far training is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl

from lt_bench.jobs.job_status import StatusReporter


class ReportSteps(pl.Callback):
    """Writes step and loss to ``status.json``."""

    def __init__(self, report: StatusReporter) -> None:
        self.report = report

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note the step that the run goes on from."""
        if trainer.is_global_zero:
            self.report.step(trainer.global_step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the step, with the loss that was logged last: reading another would wait for a GPU."""
        if not trainer.is_global_zero:
            return
        loss: float | None = pl_module.logged_loss  # type: ignore[assignment]
        self.report.step(trainer.global_step, loss)


class TellStart(pl.Callback):
    """Calls ``tell`` when training begins, which it does not where the configuration is refused."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Tell, from the first process alone."""
        if trainer.is_global_zero:
            self.tell()
