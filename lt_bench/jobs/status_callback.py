"""Lightning callbacks that report a job's training progress."""

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
        """Record the step from which the run starts or resumes."""
        if trainer.is_global_zero:
            self.report.step(trainer.global_step)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record the step, with the loss that was logged last, because reading another one would wait for a GPU."""
        if not trainer.is_global_zero:
            return
        loss: float | None = pl_module.logged_loss  # type: ignore[assignment]
        self.report.step(trainer.global_step, loss)


class TellStart(pl.Callback):
    """Calls ``tell`` when training begins, which does not happen if the configuration is refused."""

    def __init__(self, tell: Callable[[], None]) -> None:
        self.tell = tell

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Call ``tell`` in the first process."""
        if trainer.is_global_zero:
            self.tell()
