"""Generation of the latents of a video of any length from a portrait and a voice, window by window."""

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
from lt_bench.sampling.noise import WindowNoise
from lt_bench.sampling.overlap import SharedFrames, check_overlap, window_starts
from lt_bench.sampling.precision import check_sampling_precision, network_precision
from lt_bench.sampling.voice import Features, window_of
from lt_bench.shapes import AudioWindows, Float, Latent, Latents


@dataclass(frozen=True)
class ClipRequest:
    """One video to generate."""

    id: str
    """Id of the video, which together with the seed determines its noise."""
    portrait: Float[Tensor, "C H W"]
    """Scaled latent of the reference picture."""
    audio: Features
    """Audio features (frames, layers, dim) at 25 Hz; their number is the number of frames of the video."""


@dataclass(frozen=True)
class WindowLatents:
    """Consecutive frames of one of several requests."""

    request: int
    """Position of the request in the list of requests."""
    start: int
    """Index of the first frame."""
    latents: Float[Tensor, "F C H W"]
    """Scaled latents; the last run of a video can be shorter than a window."""


class Generator:
    """Chains windows: the last latents of a window are the motion frames of the next.

    The motion frames of the first window are the portrait, repeated; with ``motion: portrait``, those of every window
    are. With ``overlap``, the last frames of a window are also the first frames of the next, where they are fixed.
    Audio features beyond the end of a clip repeat the last one, and the frames generated from them are cut off. A video
    depends only on its own request, not on the other videos of its batch.
    """

    def __init__(
        self,
        model: LetsTalk,
        diffusion: DiffusionConfig,
        sampling: SamplingConfig,
        device: torch.device | str = "cpu",
    ) -> None:
        """Set up a generator.

        Args:
            model: model in evaluation mode; it is moved to ``device``.
            diffusion: objective that the model was trained with.
            sampling: sampler, steps, scales and seed.
            device: device of the model; latents are returned on the CPU.

        Raises:
            ConfigError: the sampler does not fit the model's objective, or the precision does not fit the device.
        """
        self.model, self.diffusion, self.sampling = model.to(device), diffusion, sampling
        self.device = torch.device(device)
        check_sampling(sampling)
        check_overlap(sampling.overlap, model.config.frames)
        check_sampling_precision(sampling.precision, self.device)
        if sampling.compile:
            compile_blocks(self.model.blocks, dynamic=None)
        self._sampler()

    def windows(self, requests: Sequence[ClipRequest]) -> Iterator[WindowLatents]:
        """Generate requests in parallel; runs are in temporal order, and at equal times in request order."""
        length, kept = self.model.config.frames, self.model.config.motion_frames
        noise = [WindowNoise(self.sampling, request.id, self._shape) for request in requests]
        portraits = self._portraits(requests) if requests else None
        motion = [request.portrait.expand(kept, -1, -1, -1) for request in requests]
        before = [request.portrait[None][:0] for request in requests]
        longest = max((len(r.audio) for r in requests), default=0)
        for start in window_starts(longest, length, self.sampling.overlap):
            shared = self.sampling.overlap if start else 0
            active = [i for i, request in enumerate(requests) if start < len(request.audio)]
            conditions = self._conditions([requests[i] for i in active], [motion[i] for i in active], start - shared)
            fused = portraits.of(active) if portraits else None
            known = torch.stack([before[i] for i in active]).to(self.device)
            results = self._denoise(conditions, fused, [noise[i] for i in active], known).cpu()
            for i, latents in zip(active, results, strict=True):
                new = latents[shared:]
                before[i] = latents[length - self.sampling.overlap :]
                if self.sampling.motion == "chain":
                    # With an overlap, the frames before the next window are those before its shared frames.
                    past = torch.cat([motion[i], latents[: length - self.sampling.overlap]])
                    motion[i] = past[len(past) - kept :]
                yield WindowLatents(i, start, new[: len(requests[i].audio) - start])

    def stream(self, request: ClipRequest) -> Iterator[Float[Tensor, "F C H W"]]:
        """Generate one video's latents as runs of frames, in constant memory."""
        return (window.latents for window in self.windows([request]))

    def generate(self, requests: Sequence[ClipRequest]) -> list[Float[Tensor, "F C H W"]]:
        """Generate the latents of complete videos."""
        runs: list[list[Tensor]] = [[] for _ in requests]
        for window in self.windows(requests):
            runs[window.request].append(window.latents)
        return [torch.cat(run) for run in runs]

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self.model.config.frames, *self.model.latent_shape)

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
        self, conditions: Conditions, portraits: FusedCondition | None, noise: list[WindowNoise], known: Latents
    ) -> Latents:
        sampler = self._sampler()
        generators = [clip.generator for clip in noise]
        with self._computing():
            start = torch.stack([clip.first() for clip in noise]).to(self.device)
            shared, x = SharedFrames(known, start, self.diffusion), start * sampler.init_noise_scale
            guided = GuidedWindows(self.model, conditions, self.sampling, portraits)
            for t in sampler.timesteps:
                x = shared.hold(x, t)
                x = sampler.step(guided.predict(x, t), t, x, generators)
            return shared.finish(x)
