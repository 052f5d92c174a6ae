"""One training step as Lightning's loop calls it: forward, backward, clipping, update, weight average."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from plan import Plan
from torch import Tensor
from torch.profiler import record_function

from lt_bench.config import RunConfig
from lt_bench.models.compiling import compiled_limits
from lt_bench.scaling import LatentScaling
from lt_bench.training.blocks import prepare_blocks
from lt_bench.training.callbacks.averaging import ModelAverage
from lt_bench.training.hardware import matmul_precision_set
from lt_bench.training.module import LetsTalkModule
from lt_bench.training.randomness import draw, window_generator

GRADIENTS, UPDATE = "forward and backward", "update"
"""Names of the two halves of a step in a profile."""


class _Trainer:
    """What callbacks of a step ask a trainer for."""

    global_step, is_global_zero, world_size = 0, True, 1


class TrainingStep:
    """A module with its optimizer, its weight average and one batch.

    Weights are noised, since those of a fresh network make its prediction zero.

    Args:
        plan: sizes.
        config: of the run, with resolved settings.
        latent: shape of a latent.
        windows: of the batch.
        device: where to.
    """

    def __init__(self, plan: Plan, config: RunConfig, latent: tuple[int, int, int], windows: int, device: str) -> None:
        self.config, self.device = config, device
        scaling = LatentScaling((0.0,) * latent[0], (1.0,) * latent[0])
        self.module = LetsTalkModule(config, latent, plan.speech, scaling)
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in self.module.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.02)
        self.batch = _moved(_batch(self.module, plan, latent, windows), device)
        prepare_blocks(self.module.model.blocks, config.train)
        self.module.to(device)
        self.optimizer = self.module.configure_optimizers()["optimizer"]
        self.average = ModelAverage(config.train.ema_decay)
        self.average.on_train_start(_Trainer, self.module)  # type: ignore[arg-type]

    def gradients(self) -> Tensor:
        """The loss, whose gradients the parameters then have."""
        low = self.config.train.precision == "bf16"
        with matmul_precision_set(self.config.train), compiled_limits(len(self.module.model.blocks)):
            with torch.autocast(self.device, torch.bfloat16) if low else nullcontext():
                loss = self.module.training_step(self.batch, 0)
            loss.backward()
        return loss.detach()

    def update(self) -> None:
        """Clip and use the gradients."""
        self.module.on_before_optimizer_step(self.optimizer)
        self.module.configure_gradient_clipping(self.optimizer)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.on_step_end(_Trainer, self.module)  # type: ignore[arg-type]

    def __call__(self) -> None:
        """Run forward, backward and optimizer step."""
        with record_function(GRADIENTS):
            self.gradients()
        with record_function(UPDATE):
            self.update()


def _batch(module: LetsTalkModule, plan: Plan, latent: tuple[int, int, int], windows: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(2)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    model = module.config.model
    latents, motion = random(windows, plan.frames, *latent), random(windows, model.motion_frames, *latent)
    generators = [window_generator(0, index) for index in range(windows)]
    return {
        "latents": latents,
        "portrait": random(windows, *latent),
        "motion": motion,
        "audio": random(windows, plan.frames + 2 * model.audio_window, *plan.speech),
        "mouth": torch.zeros(windows, plan.frames, *latent[1:]),
        "draws": vars(draw(latents, motion, module.objective, module.config.train, generators)),
    }


def _moved(batch: Any, device: str) -> Any:
    if isinstance(batch, dict):
        return {key: _moved(value, device) for key, value in batch.items()}
    return batch.to(device)
