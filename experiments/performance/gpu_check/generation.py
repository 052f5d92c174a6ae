"""Frames a second of generation, without the codec."""

from __future__ import annotations

from dataclasses import replace

import torch
from plan import Plan
from running import Figures
from timing import median_seconds

from lt_bench.models.build import build_model
from lt_bench.sampling.generator import ClipRequest, Generator

ROUNDS = 2
WINDOWS = 2
"""Of each clip."""


def measure(plan: Plan) -> Figures:
    """Generate clips side by side with the first preset and guided audio, in each precision."""
    config = plan.run_config(plan.presets[0])
    frames = WINDOWS * plan.frames
    torch.manual_seed(0)
    requests = [
        ClipRequest(str(clip), torch.randn(plan.latent), torch.randn(frames, *plan.speech))
        for clip in range(plan.clips)
    ]
    precisions = ("fp32", "tf32", "bf16") if plan.device == "cuda" else ("fp32", "bf16")
    figures: dict[str, float | str] = {"clips": plan.clips, "sampling_steps": plan.sampling_steps}
    for precision in precisions:
        model = build_model(config.model, plan.latent, plan.speech).eval().requires_grad_(False)
        sampling = replace(config.sampling, precision=precision)
        generator = Generator(model, config.diffusion, sampling, plan.device)
        seconds = median_seconds(lambda generator=generator: generator.generate(requests), plan.device, ROUNDS)
        figures[f"frames_per_second_{precision}"] = plan.clips * frames / seconds
    return figures
