"""The training loop of the embedded codec: deterministic on one machine, and resumable at any step."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from frame_sets import FrameSet, render_frame_set
from jaxtyping import Float
from recipe import NETWORKS, Recipe, SizeShare
from torch import Tensor, nn
from torch.nn import functional

from lt_bench.assets.weights import read_torch
from lt_bench.files import atomic_path
from lt_bench.models.codecs.autoencoder import Autoencoder

CHUNK = 250
"""Speakers rendered into one file."""
EYE_RADIUS = 0.07
"""Half the side of the square around an eye that ``eye_weight`` counts for, in frame sides."""


@dataclass(frozen=True)
class Batch:
    """Frames and the weights of their pixels."""

    frames: Float[Tensor, "N 3 H W"]
    weights: Float[Tensor, "N 1 H W"]
    """Of pixels in the loss, those of the frames' size included."""


class Frames:
    """The training frames; the batch of a step is a pure function of the recipe's seed and the step."""

    def __init__(self, recipe: Recipe, work: Path) -> None:
        self.recipe = recipe
        self._sets = {
            128: list(_chunks(128, 0, recipe.speakers, 8, work)),
            256: list(_chunks(256, recipe.speakers, recipe.large_speakers, 4, work)),
        }

    def batch(self, step: int) -> Batch:
        """Draw the batch of one step."""
        share = next(share for share in self.recipe.sizes if (step + 1) % share.every == 0)
        sets = self._sets[128 if share.size == 64 else share.size]
        rng = np.random.default_rng([self.recipe.seed, step])
        places = sorted(zip(rng.integers(len(sets), size=share.batch), rng.random(share.batch), strict=True))
        return self._collect([(sets[chunk], int(at * len(sets[chunk].frames))) for chunk, at in places], share)

    def _collect(self, places: list[tuple[FrameSet, int]], share: SizeShare) -> Batch:
        frames = torch.from_numpy(np.stack([part.frames[at] for part, at in places]))
        x = frames.permute(0, 3, 1, 2).float().div(127.5).sub(1)
        if x.shape[-1] != share.size:
            x = functional.avg_pool2d(x, x.shape[-1] // share.size)
        weights = np.stack([self._weights(part.mouths[at], part.eyes[at], share.size) for part, at in places])
        return Batch(x.contiguous(memory_format=torch.channels_last), share.weight * torch.from_numpy(weights)[:, None])

    def _weights(self, mouth: np.ndarray, eyes: np.ndarray, size: int) -> np.ndarray:
        weights = np.ones((size, size), np.float32)
        for x, y in eyes:
            _fill(weights, (x - EYE_RADIUS, y - EYE_RADIUS, x + EYE_RADIUS, y + EYE_RADIUS), self.recipe.eye_weight)
        _fill(weights, mouth, self.recipe.mouth_weight)
        return weights


def _fill(weights: np.ndarray, box: Any, value: float) -> None:
    x0, y0, x1, y1 = (round(float(v) * len(weights)) for v in box)
    weights[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = value


def _chunks(size: int, first: int, speakers: int, per_speaker: int, work: Path) -> Iterator[FrameSet]:
    for start in range(0, speakers, CHUNK):
        count = min(CHUNK, speakers - start)
        yield render_frame_set("codec_train", size, first + start, count, per_speaker, work)


class Trainee:
    """Network, optimizers and weight average, which together are the state of the training."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.step = recipe, 0
        self.network = Autoencoder(NETWORKS[recipe.network]).train()
        matrices = [p for p in self.network.parameters() if p.ndim == 4]
        # Muon (Jordan 2024) is for matrices: each convolution's weight is seen as (out, in * height * width).
        self._matrices = [(p, nn.Parameter(p.data.flatten(1))) for p in matrices]
        self.muon = torch.optim.Muon([flat for _, flat in self._matrices], lr=recipe.rate, weight_decay=0.0)
        others = [p for p in self.network.parameters() if p.ndim != 4]
        self.adam = torch.optim.AdamW(others, lr=recipe.bias_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay)
        self.average = {key: value.clone() for key, value in self.network.state_dict().items()}

    def train_step(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        recipe, factor = self.recipe, rate_factor(self.step, self.recipe)
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        # Statistics of the latents are those of 128-pixel frames, for which the codec is meant.
        self.network.normalize.train(batch.frames.shape[-1] == 128)
        with torch.autocast("cpu", torch.bfloat16):
            latents = self.network.encode(batch.frames).float()
            levels = torch.rand(len(latents), 1, 1, 1, generator=generator)
            noisy = torch.rand(len(latents), 1, 1, 1, generator=generator) >= recipe.clean_share
            noise = torch.randn(latents.shape, generator=generator) * levels * recipe.latent_noise * noisy
            decoded = self.network.decode(latents + noise).float()
        loss = reconstruction_loss(decoded, batch, recipe)
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.adam.param_groups[0]["params"], 1.0)
        for weight, flat in self._matrices:
            flat.grad = weight.grad.flatten(1) if weight.grad is not None else None
        self.muon.param_groups[0]["lr"] = recipe.rate * factor
        self.adam.param_groups[0]["lr"] = recipe.bias_rate * factor
        self.muon.step()
        self.adam.step()
        self.step += 1
        self._update_average()
        return loss.item()

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        for key, value in self.network.state_dict().items():
            if value.is_floating_point():
                self.average[key].lerp_(value, 1 - decay)
            else:
                self.average[key].copy_(value)

    def averaged(self) -> Autoencoder:
        """Return a frozen network with the averaged weights."""
        network = Autoencoder(NETWORKS[self.recipe.network])
        network.load_state_dict(self.average)
        return network.eval().requires_grad_(False)

    def save(self, path: Path) -> None:
        """Write the whole state."""
        state = {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average,
            "muon": self.muon.state_dict(),
            "adam": self.adam.state_dict(),
        }
        with atomic_path(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        """Continue from a state that ``save`` wrote."""
        state = read_torch(path)
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def reconstruction_loss(decoded: Tensor, batch: Batch, recipe: Recipe) -> Float[Tensor, ""]:
    """Absolute, squared and edge errors, weighted by pixel."""
    error, weights = decoded - batch.frames, batch.weights
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    edges = (across.abs() * weights[..., 1:]).mean() + (down.abs() * weights[..., 1:, :]).mean()
    pixels = (error.abs() + recipe.square_weight * error**2) * weights
    return pixels.mean() + recipe.gradient_weight * edges


def rate_factor(step: int, recipe: Recipe) -> float:
    """Learning rate of a step as a share of the peak: linear warm-up, then half a cosine to 1%."""
    share = step / recipe.steps
    return min(1.0, (step + 1) / recipe.warmup) * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * share)))


def train(recipe: Recipe, work: Path, checkpoint_every: int = 500) -> Autoencoder:
    """Train to the end, from the last checkpoint where there is one, and return the averaged network."""
    frames, trainee = Frames(recipe, work), Trainee(recipe)
    checkpoint = work / f"{recipe.network}.checkpoint.pt"
    if checkpoint.is_file():
        trainee.load(checkpoint)
    started, first = time.monotonic(), trainee.step
    while trainee.step < recipe.steps:
        loss = trainee.train_step(frames.batch(trainee.step))
        if trainee.step % 100 == 0:
            rate = (time.monotonic() - started) / (trainee.step - first)
            left = (recipe.steps - trainee.step) * rate / 60
            print(f"step {trainee.step} of {recipe.steps}: loss {loss:.4f}, {left:.0f} minutes left", flush=True)
        if trainee.step % checkpoint_every == 0 or trainee.step == recipe.steps:
            trainee.save(checkpoint)
    return trainee.averaged()
