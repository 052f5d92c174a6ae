"""Guided prediction of a batch of windows; everything that does not depend on the timestep is computed in advance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from lt_bench.config import SamplingConfig
from lt_bench.diffusion.guidance import guidance_weights, guide, within_interval
from lt_bench.errors import ConfigError
from lt_bench.models.conditions import Conditions, EncodedConditions, FusedCondition
from lt_bench.models.letstalk import LetsTalk
from lt_bench.sampling.batches import join_rows, take_rows
from lt_bench.shapes import Float, Latents

KEPT = {"uncond": (False, False), "portrait": (True, False), "both": (True, True)}
"""Whether the portrait and the audio are kept in each of the predictions that guidance combines."""


def check_sampling(sampling: SamplingConfig) -> None:
    """Check that the numbers are within their range.

    Raises:
        ConfigError: the message names the key, the expected range and the value.
    """
    for key in ("portrait_scale", "audio_scale"):
        if not 0 <= getattr(sampling, key) < float("inf"):
            raise ConfigError(f"sampling.{key}: expected 0 or more, got {getattr(sampling, key)}")
    low, high = sampling.guidance_interval
    if not 0 <= low <= high <= 1:
        raise ConfigError(f"sampling.guidance_interval: expected 0 <= low <= high <= 1, got [{low}, {high}]")
    if not 0 <= sampling.guidance_rescale <= 1:
        raise ConfigError(f"sampling.guidance_rescale: expected 0 to 1, got {sampling.guidance_rescale}")
    if sampling.batch_size < 1:
        raise ConfigError(f"sampling.batch_size: expected at least 1, got {sampling.batch_size}")


def predictions_needed(sampling: SamplingConfig) -> list[str]:
    """Return the names of the predictions with a nonzero weight at some step, in the order of ``KEPT``."""
    weights = guidance_weights(sampling.portrait_scale, sampling.audio_scale)
    needed = [name for name in KEPT if getattr(weights, name)]
    by_itself = sampling.guidance_interval != (0.0, 1.0) or sampling.guidance_rescale > 0
    return [*needed, "both"] if by_itself and "both" not in needed else needed


class ClipPortraits:
    """Fused portraits of a batch of clips, computed once per clip for any number of windows."""

    def __init__(self, model: LetsTalk, portraits: Float[Tensor, "R C H W"], needed: Sequence[str]) -> None:
        self._kept = [KEPT[name][0] for name in needed]
        self._encoded: dict[bool, FusedCondition] = {}
        for keep in dict.fromkeys(self._kept):
            flags = torch.full((len(portraits),), keep, dtype=torch.bool, device=portraits.device)
            self._encoded[keep] = model.encode_portrait(portraits, flags)
        self._last: tuple[list[int], FusedCondition] | None = None

    def of(self, clips: list[int]) -> FusedCondition:
        """Return the portraits of some clips in the versions that the predictions need, one version after the other."""
        if self._last is None or self._last[0] != clips:
            rows = torch.tensor(clips)
            versions = {keep: take_rows(encoded, rows) for keep, encoded in self._encoded.items()}
            self._last = clips, join_rows([versions[keep] for keep in self._kept])
        return self._last[1]


class GuidedWindows:
    """Predicts one batch of windows; all predictions with a nonzero weight are computed in one network call."""

    def __init__(
        self, model: LetsTalk, conditions: Conditions, sampling: SamplingConfig, portraits: FusedCondition | None = None
    ) -> None:
        """Encode the conditions of the windows.

        Args:
            model: network that predicts.
            conditions: conditions of the windows, with nothing dropped.
            sampling: scales, interval and rescale.
            portraits: result of ``ClipPortraits`` for the same windows.
        """
        self.model, self.sampling = model, sampling
        self.needed = predictions_needed(sampling)
        versions = [conditions.keeping(*KEPT[name]) for name in self.needed]
        self.encoded: EncodedConditions = model.encode_conditions(join_rows(versions), portraits)
        self._windows = len(conditions.portrait)

    def predict(self, x: Latents, t: Tensor) -> Tensor:
        """Return the guided prediction for noisy latents at timestep ``t`` in [0, 1000]."""
        if len(self.needed) == 1 or not within_interval(float(t), self.sampling.guidance_interval):
            return self.model(x, _filled(len(x), t, x), self._unguided).to(x.dtype)
        copies = len(self.needed)
        timesteps = _filled(len(x) * copies, t, x)
        # Guidance is computed in the latents' precision, independent of the network's.
        predictions = self.model(x.repeat(copies, 1, 1, 1, 1), timesteps, self.encoded).to(x.dtype).chunk(copies)
        named: dict[str, Tensor | None] = dict.fromkeys(KEPT) | dict(zip(self.needed, predictions, strict=True))
        return guide(
            **named,
            portrait_scale=self.sampling.portrait_scale,
            audio_scale=self.sampling.audio_scale,
            channels=x.shape[2],
            rescale_share=self.sampling.guidance_rescale,
        )

    @cached_property
    def _unguided(self) -> EncodedConditions:
        # The prediction with both conditions is the last of several; a single prediction is used directly.
        return self.encoded if len(self.needed) == 1 else take_rows(self.encoded, slice(-self._windows, None))


def _filled(length: int, value: Tensor, like: Tensor) -> Tensor:
    """Fill a tensor with a number on the device, because a copy from the host would stall it."""
    return torch.full((length,), float(value), dtype=value.dtype, device=like.device)
