"""``metrics.csv``: the curve of a run, kept whole across resumes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from lt_bench.files import write_text
from lt_bench.training.callbacks.clock import TrainingClock
from lt_bench.training.callbacks.step_callback import StepCallback
from lt_bench.training.module import LetsTalkModule

COLUMNS: tuple[str, ...] = ("step", "loss", "learning_rate", "grad_norm", "seconds", "validation_loss")
EMPTY: dict[str, str] = dict.fromkeys(COLUMNS, "")


class MetricsFile(StepCallback):
    """Writes a row every ``every`` steps and after the last, and sends it to the loggers, in the first process only.

    ``loss`` is the mean since the previous row (over all ranks), ``grad_norm`` the norm of the row's step before
    clipping, ``seconds`` the training time so far without validations, including resumed runs. Rows after the step that
    a run resumes from are replaced.
    """

    def __init__(self, path: Path, every: int, clock: TrainingClock | None = None) -> None:
        """Create the writer; callbacks that do other work between steps pause its clock."""
        self.path, self.every, self.clock = path, max(1, every), clock or TrainingClock()
        self._rows: list[dict[str, str]] = []
        self._sum: Tensor | None = None
        self._count = 0
        self.loss: float | None = None
        """Loss of the last row."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows up to the step that the run resumes from."""
        super().on_train_start(trainer, pl_module)
        self.clock.go_on()
        if trainer.is_global_zero:
            self._rows = [row for row in _read(self.path) if int(row["step"]) <= trainer.global_step]
            losses = [row["loss"] for row in self._rows if row["loss"]]  # rows of a validation alone have none
            self.loss = float(losses[-1]) if losses else None

    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Accumulate the loss, and write a row, which reads numbers from a GPU, if it is time."""
        assert isinstance(module, LetsTalkModule)
        loss = torch.as_tensor(module.last_loss)
        self._sum = loss if self._sum is None else self._sum + loss
        self._count += 1
        step = trainer.global_step
        if step % self.every == 0 or step == trainer.max_steps:
            self._add(trainer, module, step)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Pause the clock."""
        self.clock.stop()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Pause the clock."""
        self.clock.stop()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Continue the clock after a validation and the work of other callbacks."""
        self.clock.go_on()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the validation loss to the row of this step."""
        value = trainer.callback_metrics.get("validation/loss")
        if value is not None and trainer.is_global_zero:
            if not self._rows or self._rows[-1]["step"] != str(trainer.global_step):
                self._rows.append(EMPTY | {"step": str(trainer.global_step)})
            self._rows[-1]["validation_loss"] = repr(float(value))
            self._write()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Divide the sum by the processes, because a checkpoint contains only that of the first."""
        if self._sum is not None and trainer.world_size > 1:
            shared = torch.as_tensor(trainer.strategy.reduce(self._sum, reduce_op="mean"))
            self._sum = shared
            checkpoint["callbacks"][self.state_key]["sum"] = float(shared)

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a resumed run needs, as plain numbers."""
        return {
            "seconds": self.clock.seconds,
            "sum": None if self._sum is None else float(self._sum),
            "count": self._count,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.clock.set(state_dict["seconds"])
        self._count = state_dict["count"]
        self._sum = None if state_dict["sum"] is None else torch.tensor(state_dict["sum"])

    def _add(self, trainer: pl.Trainer, module: LetsTalkModule, step: int) -> None:
        assert self._sum is not None
        self.loss = loss = float(trainer.strategy.reduce(self._sum, reduce_op="mean")) / self._count
        self._sum, self._count = None, 0
        module.gradients.check()
        if not trainer.is_global_zero:
            return
        module.logged_loss, grad_norm = loss, module.gradients.norm
        values = (step, self.loss, module.learning_rate, grad_norm, round(self.clock.seconds, 3))
        self._rows.append(EMPTY | dict(zip(COLUMNS, map(repr, values), strict=False)))
        self._write()
        curves = {"loss": loss, "learning_rate": module.learning_rate, "grad_norm": grad_norm}
        for logger in trainer.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in curves.items()}, step)

    def _write(self) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self._rows)
        write_text(self.path, text.getvalue())


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
