"""The shapes of ``lt_bench.shapes`` that are tensors."""

from __future__ import annotations

from jaxtyping import Float, Int
from torch import Tensor

Latents = Float[Tensor, "B F C H W"]
"""A window of scaled latents."""
Latent = Float[Tensor, "B C H W"]
"""One scaled latent, such as that of the reference frame."""
AudioWindows = Float[Tensor, "B F window L D"]
"""Speech features around each frame."""
Tokens = Float[Tensor, "B N D"]
Timesteps = Float[Tensor, "B"] | Int[Tensor, "B"]
"""Larger is noisier."""
