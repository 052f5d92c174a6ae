"""From a portrait and a voice to the latents of a video of any length, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from lt_bench.config import DiffusionConfig, SamplingConfig
from lt_bench.diffusion.samplers import Sampler, build_sampler
from lt_bench.models.compiling import compile_blocks, compiled_limits
from lt_bench.models.conditions import Conditions, FusedCondition
from lt_bench.models.letstalk import LetsTalk
from lt_bench.sampling.guided import ClipPortraits, GuidedWindows, check_sampling, predictions_needed
from lt_bench.sampling.noise import clip_generator
from lt_bench.sampling.precision import check_sampling_precision, network_precision
from lt_bench.sampling.voice import Features, window_of
from lt_bench.shapes import AudioWindows, Float, Latent, Latents


@dataclass(frozen=True)
class ClipRequest:
    """One video to generate."""

    id: str
    """With the seed, decides the video's noise."""
    portrait: Float[Tensor, "C H W"]
    """Scaled latent of the reference picture."""
    audio: Features
    """Speech features (frames, layers, dim) at 25 Hz; their number is that of the video's frames."""


@dataclass(frozen=True)
class WindowLatents:
    """A run of frames of one of several requests."""

    request: int
    """Position among the requests."""
    start: int
    """First frame."""
    latents: Float[Tensor, "F C H W"]
    """Scaled; the last run of a video may be shorter than a window."""


class Generator:
    """Chains windows: the last latents of one are the motion frames of the next.

    The first window's motion frames are the portrait, repeated; with ``motion: portrait`` every window's are. Speech
    features past a clip's end are its last ones, and what they give is cut off. A video depends on its own request
    alone, not on those it is generated beside.
    """

    def __init__(
        self,
        model: LetsTalk,
        diffusion: DiffusionConfig,
        sampling: SamplingConfig,
        device: torch.device | str = "cpu",
    ) -> None:
        """Set up.

        Args:
            model: in evaluation mode; it is moved to ``device``.
            diffusion: what the model was trained for.
            sampling: sampler, steps, scales and seed.
            device: where the model runs; latents are returned on the CPU.

        Raises:
            ConfigError: the sampler does not fit what the model was trained for, or the precision the device.
        """
        self.model, self.diffusion, self.sampling = model.to(device), diffusion, sampling
        self.device = torch.device(device)
        check_sampling(sampling)
        check_sampling_precision(sampling.precision, self.device)
        if sampling.compile:
            compile_blocks(self.model.blocks, dynamic=None)
        self._sampler()

    def windows(self, requests: Sequence[ClipRequest]) -> Iterator[WindowLatents]:
        """Generate side by side; runs come in the order of time, those of one time in the order of ``requests``."""
        length, kept = self.model.config.frames, self.model.config.motion_frames
        noise = [clip_generator(self.sampling.seed, request.id) for request in requests]
        portraits = self._portraits(requests) if requests else None
        motion = [request.portrait.expand(kept, -1, -1, -1) for request in requests]
        for start in range(0, max((len(r.audio) for r in requests), default=0), length):
            active = [i for i, request in enumerate(requests) if start < len(request.audio)]
            conditions = self._conditions([requests[i] for i in active], [motion[i] for i in active], start)
            fused = portraits.of(active) if portraits else None
            results = self._denoise(conditions, fused, [noise[i] for i in active]).cpu()
            for i, latents in zip(active, results, strict=True):
                if self.sampling.motion == "chain":
                    motion[i] = torch.cat([motion[i], latents])[len(latents) :]
                yield WindowLatents(i, start, latents[: len(requests[i].audio) - start])

    def stream(self, request: ClipRequest) -> Iterator[Float[Tensor, "F C H W"]]:
        """One video's latents, a run of frames at a time, in constant memory."""
        return (window.latents for window in self.windows([request]))

    def generate(self, requests: Sequence[ClipRequest]) -> list[Float[Tensor, "F C H W"]]:
        """Whole videos' latents."""
        runs: list[list[Tensor]] = [[] for _ in requests]
        for window in self.windows(requests):
            runs[window.request].append(window.latents)
        return [torch.cat(run) for run in runs]

    def _sampler(self) -> Sampler:
        sampling, learn_sigma = self.sampling, self.model.config.learn_sigma
        return build_sampler(sampling.sampler, sampling.steps, self.diffusion, learn_sigma, sampling.spacing)

    def _conditions(self, requests: Sequence[ClipRequest], motion: Sequence[Tensor], start: int) -> Conditions:
        portrait: Latent = torch.stack([r.portrait for r in requests]).to(self.device)
        config = self.model.config
        audio: AudioWindows = torch.stack(
            [window_of(r.audio, start, config.frames, config.audio_window) for r in requests]
        ).to(self.device)
        keep = torch.ones(len(requests), dtype=torch.bool, device=self.device)
        before = torch.stack(list(motion)).to(self.device) if config.motion_frames else None
        return Conditions(portrait, audio, before, keep_portrait=keep, keep_audio=keep)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with (
            torch.inference_mode(),
            network_precision(self.sampling.precision, self.device),
            compiled_limits(len(self.model.blocks)) if self.sampling.compile else nullcontext(),
        ):
            yield

    def _portraits(self, requests: Sequence[ClipRequest]) -> ClipPortraits:
        with self._computing():
            latents = torch.stack([request.portrait for request in requests]).to(self.device)
            return ClipPortraits(self.model, latents, predictions_needed(self.sampling))

    def _denoise(
        self, conditions: Conditions, portraits: FusedCondition | None, noise: list[torch.Generator]
    ) -> Latents:
        sampler = self._sampler()
        shape = (self.model.config.frames, *self.model.latent_shape)
        with self._computing():
            x = torch.stack([torch.randn(shape, generator=g) for g in noise]).to(self.device) * sampler.init_noise_scale
            guided = GuidedWindows(self.model, conditions, self.sampling, portraits)
            for t in sampler.timesteps:
                x = sampler.step(guided.predict(x, t), t, x, noise)
        return x
