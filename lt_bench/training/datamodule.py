"""Windows of a latent cache for Lightning, in an order that is a function of the step."""

from __future__ import annotations

import lightning.pytorch as pl
from torch.utils.data import DataLoader

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.training_windows import WindowDataset
from lt_bench.diffusion.objective import Objective
from lt_bench.training.batch_sampler import Share, StepBatches
from lt_bench.training.randomness import TRAINING, VALIDATION, DrawnWindows

VALIDATION_WINDOWS = 64


class WindowDataModule(pl.LightningDataModule):
    """Training windows, drawn without end, and a fixed set of validation windows."""

    def __init__(self, cache: LatentCache, config: RunConfig) -> None:
        super().__init__()
        self.cache, self.config = cache, config

    def train_dataloader(self) -> DataLoader[dict]:
        """Return the windows from the trainer's current step to the run's last."""
        assert self.trainer is not None, "needs a trainer"
        train = self.config.train
        dataset = self._windows("train", train.steps * train.batch_size, TRAINING)
        return self._loader(dataset, StepBatches(self.trainer.global_step, train.steps, self._share()))

    def val_dataloader(self) -> DataLoader[dict] | list:
        """Return the validation windows, the same every time; none if ``train.validate_every`` is 0."""
        train = self.config.train
        if not train.validate_every:
            return []
        batches = max(1, VALIDATION_WINDOWS // train.batch_size)
        dataset = self._windows("validation", batches * train.batch_size, VALIDATION)
        # In micro-batches too, which are what is known to fit into memory.
        return self._loader(dataset, StepBatches(0, batches, self._share()))

    def _share(self) -> Share:
        assert self.trainer is not None, "needs a trainer"
        train = self.config.train
        return Share(train.batch_size, self.trainer.world_size, self.trainer.global_rank, train.accumulate)

    def _windows(self, split: str, length: int, stream: int) -> DrawnWindows:
        model, train = self.config.model, self.config.train
        windows = WindowDataset(
            self.cache,
            split,
            frames=model.frames,
            motion_frames=model.motion_frames,
            audio_radius=model.audio_window,
            length=length,
            seed=train.seed,
            reference=train.reference,
        )
        return DrawnWindows(windows, Objective(self.config.diffusion, model.learn_sigma), train, stream)

    def _loader(self, dataset: DrawnWindows, batches: StepBatches) -> DataLoader[dict]:
        assert self.trainer is not None, "needs a trainer"
        workers = self.config.train.workers
        assert workers != "auto", "settings must be resolved"
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
