"""The exponential moving average (EMA) of a run's weights."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from lt_bench.training.callbacks.step_callback import StepCallback
from lt_bench.training.module import LetsTalkModule
from lt_bench.training.sharding import full_tensor, local_part, release, sharded_like


def ramped_decay(updates: int, decay: float) -> float:
    """Return the decay of update ``updates`` (from 1): min(decay, (1 + updates) / (10 + updates)).

    Early weights are far from the final ones, so a long average of them would lag behind during all of a short run.
    """
    return min(decay, (1 + updates) / (10 + updates))


class ModelAverage(StepCallback):
    """Averages the network's parameters after every optimizer step; the first average equals the first step's weights.

    Each process averages its part of the weights, so sharded weights are averaged as shards. A checkpoint contains the
    whole average and the number of updates: a resumed run averages like an uninterrupted one, on any number of devices.
    Lightning's ``WeightAveraging`` does not support sharded weights, as its documentation states, and replaces the raw
    weights at the end.
    """

    CHECKPOINT_KEY = "average"

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._average: dict[str, Tensor] = {}
        self._loaded: dict[str, Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start with the current weights, or with the average in the checkpoint."""
        network = _network(pl_module)
        super().on_train_start(trainer, pl_module)
        self._average = {
            name: sharded_like(self._loaded[name], p) if self._loaded else p.detach().clone()
            for name, p in network.named_parameters()
        }
        self._loaded = {}

    @torch.no_grad()
    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Add the weights of a new step."""
        averaged = [local_part(average) for average in self._average.values()]
        current = [local_part(p.detach()) for p in _network(module).parameters()]
        weight = 1 - ramped_decay(self.updates, self.decay) if self.updates else 1.0
        torch._foreach_lerp_(averaged, current, weight)
        self.updates += 1

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Switch to the averaged weights for validation."""
        self._swap(_network(pl_module))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Switch back to the raw weights."""
        self._swap(_network(pl_module))

    def averaged_state(self) -> dict[str, Tensor]:
        """Return the whole averaged state dict; with sharded weights every process must call it."""
        return {name: full_tensor(value).cpu() for name, value in (self._average or self._loaded).items()}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the average to the checkpoint."""
        checkpoint[self.CHECKPOINT_KEY] = {"updates": self.updates, "weights": self.averaged_state()}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the average until the network is on its training device."""
        saved = checkpoint[self.CHECKPOINT_KEY]
        self.updates, self._loaded = saved["updates"], saved["weights"]

    @torch.no_grad()
    def _swap(self, network: nn.Module) -> None:
        if not self._average:
            return
        release(network)
        for average, current in zip(self._average.values(), network.parameters(), strict=True):
            kept = local_part(current).clone()
            local_part(current).copy_(local_part(average))
            local_part(average).copy_(kept)


def _network(module: pl.LightningModule) -> nn.Module:
    assert isinstance(module, LetsTalkModule)
    return module.model
