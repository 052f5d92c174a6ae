"""Settings of generation: sampler, guidance, windows and precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Precision = Literal["fp32", "tf32", "bf16"]


@dataclass(frozen=True)
class SamplingConfig:
    """A sampler and its guidance.

    The guided prediction is ``u + portrait_scale (p - u) + audio_scale (pa - p)`` with u, p, pa the predictions without
    conditions, with the portrait, and with portrait and audio. Scales of 1 turn guidance off. All three predictions
    receive the motion frames. If these are the portrait (in a video's first window, or with ``motion: portrait``), u
    therefore sees the portrait too.
    """

    sampler: str = "ddim"
    """``ddpm`` and ``ddim`` for the linear schedule, ``flow_euler`` and ``flow_heun`` for the flow, ``dpmpp_2m`` and
    ``unipc`` for both, or a plugin's."""
    steps: int = 50
    """Number of steps, 1 to 1000. A step is one network call, except that ``flow_heun`` needs two (and one in its
    last)."""
    spacing: Literal["even", "log_snr"] = "even"
    """Steps of ``dpmpp_2m`` and ``unipc`` on the linear schedule: ``even`` in timesteps, or even in the log of the
    signal-to-noise ratio (``log_snr``, Lu et al. 2022), which uses more steps at low noise."""
    portrait_scale: float = 1.0
    audio_scale: float = 1.0
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    """Range of noise levels t / 1000 with guidance, without the first and with the second value (Kynkaanniemi et al.
    2024). Elsewhere only the prediction with both conditions is computed and used."""
    guidance_rescale: float = 0.0
    """Share, 0 to 1, by which the guided prediction's standard deviation is moved to that of the prediction with both
    conditions, per window (Lin et al. 2024, section 3.4). It avoids over-exposed results of large scales."""
    seed: int = 0
    batch_size: int = 8
    """Number of clips to generate in parallel."""
    motion: Literal["chain", "portrait"] = "chain"
    """Motion frames of later windows. ``chain``: the last latents of the previous window. ``portrait``: the portrait,
    as in the first window, so errors cannot accumulate, but motion is not continuous across windows."""
    overlap: int = 0
    """Frames, below ``model.frames``, that a window shares with the previous one. They are fixed to its latents while
    the other frames are generated, so windows join without jumps and need no motion frames."""
    window_noise: Literal["independent", "shared"] = "independent"
    """Initial noise of a video's windows: ``independent``, or ``shared``, the same in every window. Shared noise keeps
    details such as hair equal between windows, but the head moves less. The noise that a sampler adds in its steps is
    always independent."""
    weights: Literal["ema", "raw"] = "ema"
    precision: Precision = "fp32"
    """``fp32``: exact, also on a GPU. ``tf32``: float32 products in TF32, on GPUs that support it. ``bf16``: the
    network's products in bfloat16 (autocast), and on a GPU the codec's in TF32."""
    compile: bool = False
    """Compile the network's blocks with ``torch.compile``, which takes a minute or two; useful for many clips on a
    GPU."""
