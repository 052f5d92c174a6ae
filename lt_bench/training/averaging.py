"""The weight average (EMA) of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor


def ramped_decay(updates: int, decay: float) -> float:
    """The decay of update number ``updates`` (from 1): min(decay, (1 + updates) / (10 + updates)).

    Early weights are far from final ones; a long average of them would lag behind for the whole of a short run.
    """
    return min(decay, (1 + updates) / (10 + updates))


def ramped_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """The averaging function that torch's ``AveragedModel`` calls after its first update, which copies."""

    @torch.no_grad()
    def update(averaged: list[Tensor], current: list[Tensor], updates: Tensor | int) -> None:
        torch._foreach_lerp_(averaged, current, 1 - ramped_decay(int(updates), decay))

    return update


class ModelAverage(WeightAveraging):
    """Lightning's weight averaging with a decay that ramps up; raw weights stay in the module when training ends.

    Lightning's own ``EMAWeightAveraging`` has a fixed decay, and replaces the raw weights at the end. Average, raw
    weights and the number of updates are all in a checkpoint, so a resumed run averages as one that never stopped.
    """

    def __init__(self, decay: float) -> None:
        # Buffers here are constants (positions), which an average would only blur by rounding.
        super().__init__(use_buffers=False, multi_avg_fn=ramped_average(decay))

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep both sets of weights, since both are exported."""

    def averaged_state(self) -> dict[str, Any]:
        """The averaged state dict of the module's network."""
        assert self._average_model is not None, "training has not begun"
        return self._average_model.module.model.state_dict()  # type: ignore[union-attr,operator]
