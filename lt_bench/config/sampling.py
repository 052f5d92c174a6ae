"""Generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class SamplingConfig:
    """A sampler and its guidance.

    The guided prediction is ``u + portrait_scale (p - u) + audio_scale (pa - p)`` with u, p, pa the predictions without
    conditions, with the portrait, and with portrait and audio. Scales of 1 switch guidance off. Motion frames are given
    to all three: where they are the portrait (a video's first window, or ``motion: portrait``), u sees it there.
    """

    sampler: str = "ddim"
    """``ddpm`` and ``ddim`` for the linear schedule, ``flow_euler`` and ``flow_heun`` for the flow, ``dpmpp_2m`` and
    ``unipc`` for both, or a plugin's."""
    steps: int = 50
    """Of the sampler, 1 to 1000; one call of the network each, but two with ``flow_heun`` (and one in its last)."""
    spacing: Literal["even", "log_snr"] = "even"
    """Steps of ``dpmpp_2m`` and ``unipc`` on the linear schedule: ``even`` in timesteps, or in the log of the
    signal-to-noise ratio (Lu et al. 2022), which spends more of them on little noise."""
    portrait_scale: float = 1.0
    audio_scale: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    """Guide only at noise levels t / 1000 above the first and up to the second (Kynkaanniemi et al. 2024); elsewhere
    the prediction with both conditions is taken as it is, which also saves the others."""
    guidance_rescale: float = 0.0
    """Share, 0 to 1, of the guided prediction that is brought back to the standard deviation of the prediction with
    both conditions, window by window (Lin et al. 2024, section 3.4): against over-exposed results of large scales."""
    seed: int = 0
    batch_size: int = 8
    """Clips generated side by side."""
    motion: Literal["chain", "portrait"] = "chain"
    """Motion frames of a later window: ``chain``, the last latents of the window before; ``portrait``, the portrait
    again, as in the first window: no error can grow from window to window, but motion is not continuous across them."""
    overlap: int = 0
    """Frames, below ``model.frames``, that a window shares with the one before: they are held to its latents while the
    rest is generated, so windows join without jumps and need no motion frames."""
    window_noise: Literal["independent", "shared"] = "independent"
    """The first noise of a video's windows: ``independent``, or ``shared``, the same in every window, which keeps
    details such as hair alike from window to window but makes the head move less. Noise that a sampler adds in its
    steps stays independent."""
    weights: Literal["ema", "raw"] = "ema"
    precision: Precision = "fp32"
    """``fp32``: exact, on a GPU too. ``tf32``: products of float32 in TF32, on GPUs that have it. ``bf16``: the
    network's products in bfloat16 (autocast), the codec's on a GPU in TF32."""
    compile: bool = False
    """``torch.compile`` the network's blocks: worth its minute or two for many clips on a GPU."""
