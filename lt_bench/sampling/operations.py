"""Cost of generating a video in multiply-accumulates of the network, counted without running it.

Codec and speech encoder are not counted, because they are the same for all compared models.
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
    """Operations per video: fusion of the portrait."""
    window: int
    """Operations per window: its conditions, and every prediction of every step, including guidance."""
    frames: int
    """Frames per window; the last window of a video is computed completely, even if only some frames are used."""
    overlap: int = 0
    """Frames that a window shares with the previous one."""

    def of_video(self, frames: int) -> int:
        """Return the operations of a video with a number of frames."""
        return self.video + len(window_starts(frames, self.frames, self.overlap)) * self.window


def count_operations(
    model: ModelConfig,
    diffusion: DiffusionConfig,
    sampling: SamplingConfig,
    latent_shape: tuple[int, int, int],
    speech_shape: tuple[int, int],
) -> Operations:
    """Count the operations of ``Generator`` with a model.

    Args:
        model: sizes and fusion schemes.
        diffusion: objective that the model was trained with.
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
    """Return the number of predictions of one window, from noise to its latents."""
    sampler = build_sampler(sampling.sampler, sampling.steps, diffusion, learn_sigma, sampling.spacing)
    guided = len(predictions_needed(sampling))
    return sum(guided if within_interval(float(t), sampling.guidance_interval) else 1 for t in sampler.timesteps)


def _once(found: Description, part: str) -> int:
    return sum(p.macs_window for p in found.parts if p.name.split(":")[0] == part)
