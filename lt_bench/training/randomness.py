"""Random draws of a training step, as functions of the run's seed and the window's number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lt_bench.config import TrainConfig
from lt_bench.data.training_windows import WindowDataset
from lt_bench.diffusion.objective import Objective
from lt_bench.diffusion.schedule import linear_marginal
from lt_bench.shapes import AudioWindows, Bool, Float, Latents

TRAINING, VALIDATION = 0, 1


@dataclass(frozen=True)
class Draws:
    """Noise, noise level and dropped conditions of each window of a batch."""

    noise: Latents
    timesteps: Float[Tensor, " B"]
    keep_portrait: Bool[Tensor, " B"]
    keep_audio: Bool[Tensor, " B"]
    keep_motion: Bool[Tensor, " B"]
    """False where motion frames are replaced by the portrait, as in a video's first window."""
    motion_level: Float[Tensor, " B"]
    """Standard deviation of the noise in the motion frames: in [0, ``motion_noise``), or that of a timestep."""
    motion_noise: Latents
    """Noise of unit variance, in the shape of the motion frames."""
    keep_places: Bool[Tensor, "B H W"]
    """False where the motion frames are zero."""


def window_generator(seed: int, index: int, stream: int = TRAINING) -> torch.Generator:
    """Return a CPU generator whose numbers depend only on the arguments.

    The draws of a window are therefore the same in every process and micro-batch, and a resumed run repeats them
    without any stored generator state.
    """
    state = np.random.SeedSequence((seed, stream, index)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


class DrawnWindows(Dataset[dict[str, Any]]):
    """Windows with their draws: an item of ``WindowDataset``, and ``draws``, the fields of ``Draws`` for one window.

    ``audio`` contains each frame's features once, (F + 2 * radius, L, D), as ``overlapping_windows`` takes them, which
    is a fifth of the windows' size on the way to the device.

    Draws are made in the loader's workers and travel to the device with the windows. Made in the training step, they
    would be copied one by one while the GPU waits.

    Args:
        windows: windows whose numbers decide the draws.
        objective: objective from which timesteps are drawn.
        config: seed, dropout of conditions and noise of motion frames.
        stream: ``TRAINING`` or ``VALIDATION``.
    """

    def __init__(self, windows: WindowDataset, objective: Objective, config: TrainConfig, stream: int) -> None:
        self.windows, self.objective, self.config, self.stream = windows, objective, config, stream

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = self.windows[index]
        generator = window_generator(self.config.seed, int(item["index"]), self.stream)
        drawn = draw(item["latents"][None], item["motion"][None], self.objective, self.config, [generator])
        windows = item["audio"]
        item["audio"] = torch.cat([windows[:, 0], windows[-1, 1:]])
        return item | {"draws": {name: value[0] for name, value in vars(drawn).items()}}


def overlapping_windows(rows: Float[Tensor, "B R L D"], frames: int) -> AudioWindows:
    """Return the audio windows of all frames as a view of the features of all rows."""
    return rows.unfold(1, rows.shape[1] - frames + 1, 1).movedim(-1, 2)


def draw(
    latents: Latents,
    motion: Latents,
    objective: Objective,
    config: TrainConfig,
    generators: Iterable[torch.Generator],
) -> Draws:
    """Draw on the CPU, with one generator per window; latents and motion give the shapes."""
    windows = [_draw_window(latents[:1], motion[:1], objective, config, generator) for generator in generators]
    names = (field.name for field in fields(Draws))
    return Draws(**{name: torch.cat([getattr(w, name) for w in windows]) for name in names})


def _draw_window(
    latents: Latents, motion: Latents, objective: Objective, config: TrainConfig, generator: torch.Generator
) -> Draws:
    def keep(dropout: float) -> Bool[Tensor, " 1"]:
        return torch.rand(1, generator=generator) >= dropout

    def motion_level() -> Float[Tensor, " 1"]:
        if config.motion_timesteps:
            timestep = torch.randint(config.motion_timesteps, (1,), generator=generator)
            return linear_marginal(timestep).sigma.float()
        return torch.rand(1, generator=generator) * config.motion_noise

    return Draws(
        noise=torch.randn(latents.shape, generator=generator, dtype=latents.dtype),
        timesteps=objective.sample_timesteps(1, generator),
        keep_portrait=keep(config.portrait_dropout),
        keep_audio=keep(config.audio_dropout),
        keep_motion=keep(config.motion_dropout),
        motion_level=motion_level(),
        motion_noise=torch.randn(motion.shape, generator=generator, dtype=latents.dtype),
        keep_places=torch.rand(1, *latents.shape[-2:], generator=generator) >= config.motion_mask,
    )
