"""A loss on decoded frames, in addition to the loss on latents.

Equal errors of latents are not equal errors of pixels: a decoder may turn a small error into a broken mouth. The
decoder is differentiable, so the error that a viewer sees can be trained on directly, at the cost of decoding one
frame of each window.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lt_bench.models.codecs.base import Codec, build_codec
from lt_bench.scaling import LatentScaling
from lt_bench.shapes import Float, Latents, Timesteps

NOISIEST = 800
"""Timestep from which windows do not count, because their prediction is a mean of many possible faces."""


class PixelLoss:
    """Mean absolute difference of decoded predicted and decoded true frames, in [-1, 1] units.

    The decoded frame of a window is a function of the window's number, so a resumed run decodes the same frames.
    """

    def __init__(self, codec: Codec, scaling: LatentScaling, mouth_weight: float) -> None:
        self.codec, self.scaling, self.mouth_weight = codec, scaling, mouth_weight

    @classmethod
    def of_codec(cls, name: str, scaling: LatentScaling, mouth_weight: float) -> PixelLoss:
        """Build the loss for the codec that a cache was made with; its weights are read at the first call.

        Raises:
            ConfigError: no codec has this name.
        """
        return cls(build_codec(name), scaling, mouth_weight)

    def __call__(
        self,
        predicted: Latents,
        true: Latents,
        timesteps: Timesteps,
        mouth: Float[Tensor, "B F H W"],
        numbers: Tensor,
    ) -> Float[Tensor, " B"]:
        """Return the loss of each window.

        Args:
            predicted: clean latents that the network predicts, scaled; gradients flow into them.
            true: clean latents, scaled.
            timesteps: noise levels; windows from ``NOISIEST`` on get 0.
            mouth: 1 where the mouth box touches a latent pixel, else 0.
            numbers: numbers of the windows, (B,) integers; frame ``number % F`` is decoded.
        """
        rows = torch.arange(len(true), device=true.device)
        frames = numbers.to(true.device) % true.shape[1]
        with torch.autocast(true.device.type, enabled=False):
            with torch.no_grad():
                wanted = self._decode(true[rows, frames])
            made = self._decode(predicted[rows, frames])
        weight = 1 + (self.mouth_weight - 1) * mouth[rows, frames][:, None]
        scale = wanted.shape[-1] // weight.shape[-1]
        weight = weight.repeat_interleave(scale, 2).repeat_interleave(scale, 3).expand_as(wanted)
        error = ((made - wanted).abs() * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)
        return error * (timesteps < NOISIEST)

    def _decode(self, latents: Float[Tensor, "B C H W"]) -> Tensor:
        return self.codec.decode(self.scaling.latents_to_raw(latents.float()))
