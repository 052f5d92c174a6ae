"""Networks that ``model_step.py`` times, with the same latents, audio tokens and optimizer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import LatteTransformer3DModel
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lt_bench.config import FusionConfig, ModelConfig
from lt_bench.models.build import build_model
from lt_bench.models.conditions import EncodedConditions
from lt_bench.models.letstalk import LetsTalk

FRAMES, CHANNELS, SIDE, PATCH = 16, 4, 16, 2
AUDIO_TOKENS, AUDIO_DIM = 32, 768
DEPTH, DIM, HEADS = 12, 384, 6
OURS, LATTE, RELEASE = "lt_bench", "Latte", "LetsTalk release"
SPEECH_SHAPE = (12, 768)
"""Layers and features of wav2vec2."""


@dataclass(frozen=True)
class Given:
    """The input of every network: one window."""

    latents: Tensor
    portrait: Tensor
    audio: Tensor
    time: Tensor
    noise: Tensor


def window() -> Given:
    """Create a random window of batch 1."""
    g = torch.Generator().manual_seed(0)
    latents, noise = (torch.randn(1, FRAMES, CHANNELS, SIDE, SIDE, generator=g) for _ in range(2))
    portrait = torch.randn(1, CHANNELS, SIDE, SIDE, generator=g)
    audio = torch.randn(1, FRAMES, AUDIO_TOKENS, AUDIO_DIM, generator=g)
    return Given(latents, portrait, audio, torch.tensor([500.0]), noise)


@dataclass
class Subject:
    """A network with everything needed to train it and to sample from it."""

    name: str
    network: nn.Module
    predict: Callable[[], Tensor]
    """Predicts the window in training."""
    denoise: Callable[[], Tensor]
    """Predicts one sampling step; everything that does not depend on the step is computed in advance."""

    def __post_init__(self) -> None:
        self.trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-6, fused=True)
        self.noise = window().noise

    def forward_backward(self) -> None:
        """Compute the mean squared error of the predicted noise, and its gradient."""
        (self.predict()[:, :, :CHANNELS] - self.noise).square().mean().backward()

    def train_step(self) -> None:
        """Run a complete training step."""
        self.forward_backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.inference_mode()
    def sample_step(self) -> None:
        """Evaluate the network without gradient."""
        self.denoise()

    def compile_blocks(self) -> None:
        """Compile each block of the network with ``torch.compile``, as ``train.compile`` does."""
        lists = [module for module in self.network.children() if isinstance(module, nn.ModuleList)]
        for block in (block for blocks in lists for block in blocks):
            block.compile(dynamic=False)

    def operations(self, run: Callable[[], object]) -> int:
        """Return the floating-point operations of matrix products; a multiply-accumulate counts as two."""
        # Attention is counted in its plain form, because the counter does not know the CPU's fused form.
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            run()
        self.optimizer.zero_grad(set_to_none=True)
        return counter.get_total_flops()


def ours() -> Subject:
    """Build preset S with symbiotic portrait, direct audio and no motion frames, like the release's short model."""
    fusion = FusionConfig(portrait="symbiotic", audio="direct")
    config = ModelConfig(preset="S", fusion=fusion, patch_size=PATCH, frames=FRAMES, motion_frames=0)
    torch.manual_seed(0)
    network = _awake(build_model(config, (CHANNELS, SIDE, SIDE), SPEECH_SHAPE))
    assert isinstance(network, LetsTalk)
    network.audio_projector.requires_grad_(False)  # tokens are given, as to the others
    given, keep = window(), torch.tensor([True])

    def encode() -> EncodedConditions:
        portrait = network.encode_portrait(given.portrait, keep)
        return EncodedConditions(portrait, network.fuse(network.audio_fusion, given.audio), None)

    with torch.inference_mode():
        kept = encode()
    return Subject(
        OURS,
        network,
        lambda: network(given.latents, given.time, encode()),
        lambda: network(given.latents, given.time, kept),
    )


def latte() -> Subject:
    """Build diffusers' Latte of equal width and depth: per layer a spatial and a temporal block, no portrait."""
    torch.manual_seed(0)
    network = _awake(
        LatteTransformer3DModel(
            num_attention_heads=HEADS,
            attention_head_dim=DIM // HEADS,
            in_channels=CHANNELS,
            out_channels=2 * CHANNELS,
            num_layers=DEPTH,
            cross_attention_dim=DIM,
            attention_bias=True,
            sample_size=SIDE,
            patch_size=PATCH,
            activation_fn="gelu-approximate",
            num_embeds_ada_norm=1000,
            norm_type="ada_norm_single",
            norm_elementwise_affine=False,
            norm_eps=1e-6,
            caption_channels=AUDIO_DIM,
            video_length=FRAMES,
        )
    )
    given = window()
    latents, text = given.latents.transpose(1, 2).contiguous(), given.audio[:, 0]

    def predict() -> Tensor:
        return network(latents, given.time, text, return_dict=False)[0].transpose(1, 2)

    return Subject(LATTE, network, predict, predict)


def release(folder: Path) -> Subject:
    """Build VDTcat-S/2 of LetsTalk's release from a checkout.

    Raises:
        ImportError: the checkout, or a package that it needs, is missing.
    """
    if not (folder / "models" / "model_cat.py").is_file():
        raise ImportError(f"no models/model_cat.py in {folder}")
    sys.path.insert(0, str(folder))
    try:
        from models.model_cat import VDTcat_models
    finally:
        sys.path.remove(str(folder))
    torch.manual_seed(0)
    network = _awake(VDTcat_models["VDTcat-S/2"](input_size=SIDE, in_channels=CHANNELS, num_frames=FRAMES))
    given = window()
    portrait = given.portrait[:, None].repeat(1, FRAMES, 1, 1, 1)

    def predict() -> Tensor:
        return network(given.latents, given.time, cond=portrait, audio_embed=given.audio)

    return Subject(RELEASE, network, predict, predict)


def build(name: str, checkout: Path | None) -> Subject:
    """Build the subject with a name.

    Raises:
        ImportError: the checkout of the release, or a package that it needs, is missing.
    """
    if name == RELEASE:
        if checkout is None:
            raise ImportError("no --release FOLDER was given")
        return release(checkout)
    return {OURS: ours, LATTE: latte}[name]()


def _awake(network: nn.Module) -> nn.Module:
    # Layers that start at zero would make gradients vanish, and hardware could skip their work.
    for parameter in network.parameters():
        if parameter.requires_grad and not parameter.detach().any():
            nn.init.normal_(parameter, std=0.02)
    return network
