"""Assignment of a step's windows to processes and micro-batches, so that a run is the same on any number of devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch.utils.data import Sampler

from lt_bench.config import TrainConfig
from lt_bench.errors import ConfigError


@dataclass(frozen=True)
class Share:
    """One process's share of every step."""

    batch: int
    """Windows per step over all processes."""
    world: int
    """Number of processes."""
    rank: int
    accumulate: int
    """Micro-batches per step."""

    @property
    def micro(self) -> int:
        """Windows in one process's micro-batch."""
        return self.batch // (self.world * self.accumulate)

    def windows(self, step: int) -> Iterator[list[int]]:
        """Return the window numbers of each of this process's micro-batches; those of a step are consecutive."""
        for part in range(self.accumulate):
            first = step * self.batch + (part * self.world + self.rank) * self.micro
            yield list(range(first, first + self.micro))


def check_shares(config: TrainConfig) -> None:
    """Refuse a batch that cannot be divided evenly.

    Raises:
        ConfigError: names the key.
    """
    for key in ("steps", "batch_size", "accumulate", "devices", "nodes", "checkpoint_every"):
        if getattr(config, key) < 1:
            raise ConfigError(f"train.{key}: expected at least 1, got {getattr(config, key)}")
    parts = config.devices * config.nodes * config.accumulate
    if config.batch_size % parts:
        raise ConfigError(
            f"train.batch_size: expected a multiple of devices * nodes * accumulate = {parts}, got {config.batch_size}"
        )


class StepBatches(Sampler[list[int]]):
    """The micro-batches of one process from step ``start`` to the run's last.

    A resumed run continues with the next windows. The length is that of the whole run, because Lightning counts the
    steps before ``start`` as fetched.
    """

    def __init__(self, start: int, steps: int, share: Share) -> None:
        self.start, self.steps, self.share = start, steps, share

    def __len__(self) -> int:
        return self.steps * self.share.accumulate

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.steps):
            yield from self.share.windows(step)
