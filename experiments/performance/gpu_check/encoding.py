"""Frames a second through an autoencoder of SD-VAE's shape, with random weights."""

from __future__ import annotations

import tempfile

import torch
from plan import Plan
from running import Figures
from timing import median_seconds

from lt_bench.models.codecs.base import build_codec

ROUNDS = 3


@torch.inference_mode()
def measure(plan: Plan) -> Figures:
    """Encode and decode frames by the codec ``kl``, in float32 and bfloat16."""
    from diffusers import AutoencoderKL

    levels = len(plan.codec_widths)
    torch.manual_seed(0)
    network = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=plan.codec_widths,
        layers_per_block=2,
        latent_channels=plan.latent[0],
    )
    frames = torch.rand(plan.codec_frames, 3, plan.pixels, plan.pixels, device=plan.device) * 2 - 1
    figures: dict[str, float | str] = {"pixels": plan.pixels}
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        for precision, suffix in (("fp32", ""), ("bf16", "@bf16")):
            codec = build_codec(f"kl:{folder}{suffix}")
            raw = codec.encode(frames)
            for what, run in (("encoded", lambda: codec.encode(frames)), ("decoded", lambda: codec.decode(raw))):  # noqa: B023
                figures[f"{what}_per_second_{precision}"] = plan.codec_frames / median_seconds(run, plan.device, ROUNDS)
    return figures
