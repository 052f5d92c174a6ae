"""The weight average (EMA) of a run."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn

from lt_bench.training.callbacks.step_callback import StepCallback
from lt_bench.training.module import LetsTalkModule
from lt_bench.training.sharding import full_tensor, local_part, release, sharded_like


def ramped_decay(updates: int, decay: float) -> float:
    """The decay of update number ``updates`` (from 1): min(decay, (1 + updates) / (10 + updates)).

    Early weights are far from final ones; a long average of them would lag behind for the whole of a short run.
    """
    return min(decay, (1 + updates) / (10 + updates))


class ModelAverage(StepCallback):
    """Averages the network's parameters after every optimiser step; the first average is the first step's weights.

    Each process averages what it holds of the weights, so sharded weights are averaged as shards. A checkpoint has the
    whole average and the number of updates: a resumed run averages as one that never stopped, on any number of devices.
    Lightning's ``WeightAveraging`` does not work with sharded weights, by its own account, and replaces the raw weights
    at the end.
    """

    CHECKPOINT_KEY = "average"

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._average: dict[str, Tensor] = {}
        self._loaded: dict[str, Tensor] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin with the weights as they are, or with the average of the checkpoint."""
        network = _network(pl_module)
        super().on_train_start(trainer, pl_module)
        self._average = {
            name: sharded_like(self._loaded[name], p) if self._loaded else p.detach().clone()
            for name, p in network.named_parameters()
        }
        self._loaded = {}

    @torch.no_grad()
    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Take in the weights of a new step."""
        averaged = [local_part(average) for average in self._average.values()]
        current = [local_part(p.detach()) for p in _network(module).parameters()]
        weight = 1 - ramped_decay(self.updates, self.decay) if self.updates else 1.0
        torch._foreach_lerp_(averaged, current, weight)
        self.updates += 1

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate the average."""
        self._swap(_network(pl_module))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with the raw weights."""
        self._swap(_network(pl_module))

    def averaged_state(self) -> dict[str, Tensor]:
        """The averaged state dict of the network, whole; every process must ask where weights are sharded."""
        return {name: full_tensor(value).cpu() for name, value in (self._average or self._loaded).items()}

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Add the average."""
        checkpoint[self.CHECKPOINT_KEY] = {"updates": self.updates, "weights": self.averaged_state()}

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the average until the network stands where it will be trained."""
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
