"""Windows of a latent cache for Lightning, in an order that is a function of the step."""

from __future__ import annotations

from collections.abc import Iterator

import lightning.pytorch as pl
from torch.utils.data import DataLoader, Sampler

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.dataset import WindowDataset

VALIDATION_WINDOWS = 64


class StepBatches(Sampler[list[int]]):
    """Indices of the windows of each step: step s, rank r takes a run of ``batch`` from (s * world + r) * batch.

    Begins at ``start``, so a resumed run goes on with the windows that would have come next. Its length is that of the
    whole run, since Lightning counts the steps before ``start`` as fetched.
    """

    def __init__(self, start: int, steps: int, batch: int, rank: int = 0, world: int = 1) -> None:
        self.start, self.steps, self.batch, self.rank, self.world = start, steps, batch, rank, world

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.steps):
            first = (step * self.world + self.rank) * self.batch
            yield list(range(first, first + self.batch))


class WindowDataModule(pl.LightningDataModule):
    """Training windows, drawn without end, and a fixed set of validation windows."""

    def __init__(self, cache: LatentCache, config: RunConfig) -> None:
        super().__init__()
        self.cache, self.config = cache, config

    def train_dataloader(self) -> DataLoader[dict]:
        """From the step that the trainer stands at to the run's last."""
        assert self.trainer is not None, "needs a trainer"
        train, world = self.config.train, self.trainer.world_size
        dataset = self._windows("train", train.steps * train.batch_size * world, train.seed)
        batches = StepBatches(self.trainer.global_step, train.steps, train.batch_size, self.trainer.global_rank, world)
        return self._loader(dataset, batches)

    def val_dataloader(self) -> DataLoader[dict] | list:
        """The same windows at every validation; none where ``train.validate_every`` is 0."""
        train = self.config.train
        if not train.validate_every:
            return []
        assert self.trainer is not None, "needs a trainer"
        world = self.trainer.world_size
        steps = max(1, VALIDATION_WINDOWS // (train.batch_size * world))
        dataset = self._windows("validation", steps * train.batch_size * world, train.seed)
        return self._loader(dataset, StepBatches(0, steps, train.batch_size, self.trainer.global_rank, world))

    def _windows(self, split: str, length: int, seed: int) -> WindowDataset:
        model = self.config.model
        return WindowDataset(
            self.cache,
            split,
            frames=model.frames,
            motion_frames=model.motion_frames,
            audio_radius=model.audio_window,
            length=length,
            seed=seed,
            reference=self.config.train.reference,
        )

    def _loader(self, dataset: WindowDataset, batches: StepBatches) -> DataLoader[dict]:
        assert self.trainer is not None, "needs a trainer"
        workers = self.config.train.workers
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=self.trainer.strategy.root_device.type == "cuda",
        )
