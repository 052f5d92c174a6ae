"""A progress bar with remaining time and loss, on stderr."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl

from lt_bench.progress import ProgressLines
from lt_bench.training.module import LetsTalkModule


class StepProgress(pl.Callback):
    """One progress line per run; Lightning's bar counts epochs, which an endless stream of windows does not have."""

    def __init__(self) -> None:
        self._progress: ProgressLines | None = None
        self._task: Any = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar at the step that the run starts or resumes from."""
        if not trainer.is_global_zero:
            return
        self._progress = ProgressLines("loss {task.fields[loss]}")
        self._progress.start()
        self._task = self._progress.add_task("train", total=trainer.max_steps, completed=trainer.global_step, loss="-")

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Advance by a step, with the loss that was logged last, because reading another would wait for a GPU."""
        if self._progress is None:
            return
        assert isinstance(pl_module, LetsTalkModule)
        self._progress.update(self._task, completed=trainer.global_step)
        if pl_module.logged_loss is not None:
            self._progress.update(self._task, loss=f"{pl_module.logged_loss:.4f}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the finished bar on the screen."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Restore the terminal."""
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
