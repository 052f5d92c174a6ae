"""What generating a video costs in multiply-accumulates of the network, counted without running it.

Codec and speech encoder are not counted: they are the same for every model that is compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from lt_bench.config import DiffusionConfig, ModelConfig, SamplingConfig
from lt_bench.diffusion.guidance import within_interval
from lt_bench.diffusion.samplers import build_sampler
from lt_bench.models.model_summary import Description, describe
from lt_bench.sampling.guided import KEPT, predictions_needed
from lt_bench.sampling.overlap import window_starts


@dataclass(frozen=True)
class Operations:
    """Multiply-accumulates of the network's matrix products, as ``describe`` counts them."""

    video: int
    """Once a video: what the fusion makes of the portrait."""
    window: int
    """Each window: its conditions, and every prediction of every step, guidance included."""
    frames: int
    """In a window; the last window of a video is computed whole, however few of its frames are shown."""
    overlap: int = 0
    """Frames that a window shares with the one before."""

    def of_video(self, frames: int) -> int:
        """For a video of so many frames."""
        return self.video + len(window_starts(frames, self.frames, self.overlap)) * self.window


def count_operations(
    model: ModelConfig,
    diffusion: DiffusionConfig,
    sampling: SamplingConfig,
    latent_shape: tuple[int, int, int],
    speech_shape: tuple[int, int],
) -> Operations:
    """Count what ``Generator`` computes with a model.

    Args:
        model: its sizes and fusions.
        diffusion: what it was trained for.
        sampling: sampler, steps and guidance.
        latent_shape: channels, height, width.
        speech_shape: layers, features.

    Raises:
        ConfigError: the sampler does not fit the model.
    """
    needed = predictions_needed(sampling)
    found = describe(model, latent_shape, speech_shape)
    embedding = _once(found, "patch embedder") // (1 + model.motion_frames)  # of the portrait; the rest is motion's
    portrait = embedding + _once(found, "portrait fusion")
    versions = len({KEPT[name][0] for name in needed})
    conditions = len(needed) * (found.macs_window - portrait)
    steps = network_evaluations(diffusion, sampling, model.learn_sigma) * found.macs_step
    return Operations(versions * portrait, conditions + steps, model.frames, sampling.overlap)


def network_evaluations(diffusion: DiffusionConfig, sampling: SamplingConfig, learn_sigma: bool) -> int:
    """Predictions of one window, from noise to its latents."""
    sampler = build_sampler(sampling.sampler, sampling.steps, diffusion, learn_sigma, sampling.spacing)
    guided = len(predictions_needed(sampling))
    return sum(guided if within_interval(float(t), sampling.guidance_interval) else 1 for t in sampler.timesteps)


def _once(found: Description, part: str) -> int:
    return sum(p.macs_window for p in found.parts if p.name.split(":")[0] == part)
