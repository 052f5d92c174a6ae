"""The Lightning module of LetsTalk: one training step of the network."""

from __future__ import annotations

from functools import partial
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor
from torch.optim import Optimizer

from lt_bench.config import RunConfig, to_dict
from lt_bench.diffusion.objective import Objective
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.plugins import plugin_hashes
from lt_bench.scaling import LatentScaling
from lt_bench.shapes import Float
from lt_bench.training.blocks import prepare_blocks
from lt_bench.training.gradients import GradientGuard
from lt_bench.training.learning_rate import learning_rate_factor
from lt_bench.training.pixel_loss import PixelLoss
from lt_bench.training.randomness import Draws, overlapping_windows
from lt_bench.training.sharding import reduce_gradients, shard

CHECKPOINT_KEY = "lt_bench"
CHECKPOINT_VERSION = 2


class LetsTalkModule(pl.LightningModule):
    """The network, its objective and its optimizer.

    Initial weights depend only on ``config.train.seed``. The random draws of each window depend on the seed and the
    window's number, in any process. The global random state is neither read nor changed.
    """

    channel_weights: Tensor

    def __init__(
        self,
        config: RunConfig,
        latent_shape: tuple[int, int, int],
        speech_shape: tuple[int, int],
        scaling: LatentScaling,
        cache_hash: str = "",
    ) -> None:
        super().__init__()
        self.config, self.cache_hash = config, cache_hash
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.train.seed)
            self.model = build_model(config.model, latent_shape, speech_shape)
        self.model.audio_projector.requires_grad_(not config.train.freeze_audio_projector)
        self.objective = Objective(config.diffusion, config.model.learn_sigma)
        # Made again from the cache at construction, so not part of a checkpoint.
        self.register_buffer("channel_weights", self.objective.channel_weights(scaling.std), persistent=False)
        diffusion = config.diffusion
        self.pixel_loss = (
            PixelLoss.of_codec(config.data.codec, scaling, diffusion.mouth_weight) if diffusion.pixel_weight else None
        )
        self.gradients = GradientGuard(config.train.gradient_clip)
        self.learning_rate = float("nan")
        """Learning rate of the last step."""
        self.last_loss: Tensor | float = float("nan")
        """Mean loss over this process's windows in the last step."""
        self.logged_loss: float | None = None
        """Loss that was logged last, for displays that must not wait for a GPU."""
        self._micro_losses: list[Tensor] = []

    @property
    def grad_norm(self) -> float:
        """Norm of the last step's gradient before clipping; reading it waits for a GPU."""
        return self.gradients.norm

    def configure_model(self) -> None:
        """Compile and checkpoint blocks as configured; shard the network if the strategy asks for it."""
        prepare_blocks(self.model.blocks, self.config.train)
        if isinstance(self.trainer.strategy, ModelParallelStrategy):
            mesh = self.trainer.strategy.device_mesh["data_parallel"]
            # A CPU's autocast does not bring norms of low-precision weights back to float32, as CUDA's does.
            low = self.config.train.precision == "bf16" and mesh.device_type == "cuda"
            shard(self.model, mesh, low_precision=low)

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return the mean loss of a micro-batch of windows (see ``DrawnWindows``)."""
        if self.config.train.accumulate > 1:  # of a sharded network; DDP's is Lightning's affair
            reduce_gradients(self.model, len(self._micro_losses) + 1 == self.config.train.accumulate)
        loss = self._loss(batch, pixels=self.global_step % self.config.diffusion.pixel_every == 0).mean()
        self._micro_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Log the loss with the same draws at every validation, using averaged weights if there are any."""
        loss = self._loss(batch).mean()
        self.log("validation/loss", loss, batch_size=len(batch["latents"]), sync_dist=True)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Compute the norm of the gradient."""
        self.last_loss = torch.stack(self._micro_losses).mean()
        self._micro_losses.clear()
        self.gradients.measure(self._gradients(), self.last_loss, self.global_step)
        self.learning_rate = optimizer.param_groups[0]["lr"]

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by the norm that was just measured, which Lightning would compute again.

        With ``clip_before_backward`` the clipped gradients would be those of the previous step, so clipping is left
        out.
        """
        self.gradients.apply(optimizer, self._gradients(), clip=not self.config.train.clip_before_backward)

    def _gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.parameters() if parameter.grad is not None]

    def configure_optimizers(self) -> Any:
        """Return AdamW over every trainable parameter, with the learning rate schedule."""
        train = self.config.train
        optimizer = torch.optim.AdamW(
            [parameter for parameter in self.parameters() if parameter.requires_grad],
            lr=train.learning_rate,
            betas=(0.9, train.beta2),
            weight_decay=train.weight_decay,
            fused=True,  # a quarter of the time
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(learning_rate_factor, config=train))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the run's identity in plain types; a failed run is not saved."""
        self.gradients.check()
        checkpoint[CHECKPOINT_KEY] = {
            "version": CHECKPOINT_VERSION,
            "config": to_dict(self.config),
            "cache_hash": self.cache_hash,
            "plugins": plugin_hashes(self.config.model.plugins),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Recount micro-batches, for a run that resumes with another number of them per step."""
        done = checkpoint["global_step"] * self.config.train.accumulate
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        for span in ("current", "total"):
            # Saved while the last one's hooks ran, so all but that one are completed.
            progress[span] |= {"ready": done, "started": done, "processed": done, "completed": done - 1}

    def _loss(self, batch: dict[str, Any], pixels: bool = False) -> Float[Tensor, " B"]:
        latents, portrait = batch["latents"], batch["portrait"]
        draws = Draws(**batch["draws"])
        motion = None
        if self.config.model.motion_frames:
            level = draws.motion_level[:, None, None, None, None]
            noisy_motion = (1 - level**2).sqrt() * batch["motion"] + level * draws.motion_noise
            noisy_motion = noisy_motion * draws.keep_places[:, None, None]
            motion = torch.where(draws.keep_motion[:, None, None, None, None], noisy_motion, portrait[:, None])
        conditions = Conditions(
            portrait=portrait,
            audio=overlapping_windows(batch["audio"], latents.shape[1]),
            motion=motion,
            keep_portrait=draws.keep_portrait,
            keep_audio=draws.keep_audio,
        )
        noisy = self.objective.add_noise(latents, draws.noise, draws.timesteps)
        prediction = self.model(noisy, draws.timesteps, conditions)
        weight = self.objective.mouth_weights(batch["mouth"]) * self.channel_weights
        loss = self.objective.loss(prediction.float(), latents, draws.noise, draws.timesteps, weight)
        if pixels and self.pixel_loss:
            predicted = self.objective.clean(prediction.float(), noisy, draws.timesteps)
            error = self.pixel_loss(predicted, latents, draws.timesteps, batch["mouth"], batch["index"])
            loss = loss + self.config.diffusion.pixel_weight * error
        return loss
