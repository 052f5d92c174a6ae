"""Checks of a run's settings before anything is trained."""

from __future__ import annotations

from lt_bench.config import RunConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.diffusion.samplers import SAMPLERS, build_sampler
from lt_bench.diffusion.schedule import STEPS
from lt_bench.errors import ConfigError
from lt_bench.models.codecs.base import CODECS
from lt_bench.models.families import FAMILIES
from lt_bench.models.fusion import FUSIONS
from lt_bench.models.orders import BLOCK_ORDERS
from lt_bench.perception.speech.base import SPEECH_ENCODERS
from lt_bench.sampling.guided import check_sampling
from lt_bench.training.batch_sampler import check_shares

LEAST: dict[str, tuple[int, str]] = {
    "learning_rate": (0, ""),
    "weight_decay": (0, ""),
    "warmup_steps": (0, ""),
    "gradient_clip": (0, " (0: no clipping)"),
    "motion_noise": (0, ""),
    "threads": (0, " (0: PyTorch's choice)"),
    "workers": (0, ""),
    "log_every": (1, ""),
    "validate_every": (0, " (0: never)"),
}
"""Minimum of each number of ``train``."""


def check_names(config: RunConfig, source: str = "") -> None:
    """Check that every class named in a run is known, after its plugins have been imported.

    Args:
        config: configuration of the run.
        source: name of the configuration in errors.

    Raises:
        ConfigError: the first key whose name is unknown; the message lists the known ones.
    """
    model, where = config.model, f"{source}: " if source else ""
    FUSIONS.check(model.fusion.portrait, f"{where}model.fusion.portrait")
    FUSIONS.check(model.fusion.audio, f"{where}model.fusion.audio")
    FAMILIES.check(model.family, f"{where}model.family")
    BLOCK_ORDERS.check(model.order, f"{where}model.order")
    SAMPLERS.check(config.sampling.sampler, f"{where}sampling.sampler")
    CODECS.check(config.data.codec.partition(":")[0], f"{where}data.codec")
    SPEECH_ENCODERS.check(config.data.speech_encoder.partition(":")[0], f"{where}data.speech_encoder")


def check_run(config: RunConfig) -> None:
    """Refuse settings that would fail only during training or when the model is used.

    Raises:
        ConfigError: states the key, what was expected and what was got.
    """
    check_names(config)
    train = config.train
    check_shares(train)
    for key, (least, why) in LEAST.items():
        if getattr(train, key) != "auto" and getattr(train, key) < least:
            raise ConfigError(f"train.{key}: expected at least {least}{why}, got {getattr(train, key)}")
    if not 0 <= train.beta2 < 1:
        raise ConfigError(f"train.beta2: expected 0 <= beta2 < 1, got {train.beta2}")
    if min(config.evaluation.score_every, config.evaluation.score_clips) < 0:
        asked = (config.evaluation.score_every, config.evaluation.score_clips)
        raise ConfigError(f"evaluation.score_every, score_clips: expected at least 0, got {asked}")
    for key in ("portrait_dropout", "audio_dropout", "motion_dropout", "motion_noise", "motion_mask"):
        if not 0 <= getattr(train, key) <= 1:
            raise ConfigError(f"train.{key}: expected 0 to 1, got {getattr(train, key)}")
    if not 0 <= train.motion_timesteps <= STEPS:
        raise ConfigError(f"train.motion_timesteps: expected 0 to {STEPS}, got {train.motion_timesteps}")
    if train.motion_timesteps and train.motion_noise:
        raise ConfigError(f"train.motion_noise: expected 0 beside train.motion_timesteps, got {train.motion_noise}")
    if not 0 <= train.ema_decay < 1:
        raise ConfigError(f"train.ema_decay: expected 0 <= decay < 1, got {train.ema_decay}")
    Objective(config.diffusion, config.model.learn_sigma)
    check_sampling(config.sampling)
    sampling = config.sampling
    build_sampler(sampling.sampler, sampling.steps, config.diffusion, config.model.learn_sigma, sampling.spacing)
    if config.sampling.weights == "ema" and not train.ema_decay:
        raise ConfigError("sampling.weights: expected raw where train.ema_decay is 0, got ema")
