"""Pipeline from a picture and a sound to frames, with a loaded model, codec and speech encoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from lt_bench.config import SamplingConfig
from lt_bench.diffusion.samplers import SAMPLERS
from lt_bench.media.sound import Sound
from lt_bench.models.checkpoint import LoadedModel
from lt_bench.models.codecs.base import CODECS
from lt_bench.models.families import FAMILIES
from lt_bench.models.orders import BLOCK_ORDERS
from lt_bench.perception.speech.base import SPEECH_ENCODERS
from lt_bench.plugins import plugins_defining
from lt_bench.sampling.frames import latents_to_frames, picture_to_latent
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.precision import codec_precision
from lt_bench.sampling.voice import VoiceFeatures
from lt_bench.shapes import Float, UInt8


def best_device() -> torch.device:
    """Return the first GPU, or the CPU if there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Pipeline:
    """Generates videos with one model and one sampling configuration.

    Raises:
        CheckpointError: the available codec or speech encoder differs from the model's.
        ConfigError: the sampler does not fit the model.
        AssetError: weights of the codec or the speech encoder are missing.
    """

    def __init__(self, loaded: LoadedModel, sampling: SamplingConfig, device: torch.device | str | None = None) -> None:
        self.device = torch.device(device) if device is not None else best_device()
        self.card = loaded.card
        self.codec = loaded.build_codec()
        self.speech = loaded.build_speech_encoder()
        self.generator = Generator(loaded.model, self.card.config.diffusion, sampling, self.device)

    def request(self, clip_id: str, picture: UInt8[np.ndarray, "H W 3"], voice: Sound, frames: int) -> ClipRequest:
        """Prepare the generator's input for one video.

        Args:
            clip_id: id that, together with the seed, determines the noise.
            picture: square portrait at the model's resolution.
            voice: mono, 16 kHz; read and encoded while the video is generated.
            frames: number of frames of the video, at 25 fps.
        """
        with codec_precision(self.generator.sampling.precision):
            portrait = picture_to_latent(picture, self.codec, self.card.scaling, self.device)
        return ClipRequest(clip_id, portrait, VoiceFeatures(self.speech, voice, frames))

    def frames(self, request: ClipRequest) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Generate one video's frames in constant memory."""
        return self.decode(self.generator.stream(request))

    def decode(self, runs: Iterator[Float[torch.Tensor, "F C h w"]]) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
        """Decode runs of latents to frames."""
        for run in runs:
            with codec_precision(self.generator.sampling.precision):
                frames = list(latents_to_frames([run], self.codec, self.card.scaling, self.device))
            yield from frames


def plugins_used(loaded: LoadedModel, sampling: SamplingConfig) -> dict[str, str]:
    """Compute the SHA-256, by file name, of the plugins that take part in generating with a model."""
    card, model = loaded.card, loaded.model
    return plugins_defining(
        type(model.portrait_fusion),
        type(model.audio_fusion),
        FAMILIES.get(card.config.model.family),
        BLOCK_ORDERS.get(card.config.model.order),
        SAMPLERS.get(sampling.sampler, "sampling.sampler"),
        CODECS.get(card.codec.partition(":")[0]),
        SPEECH_ENCODERS.get(card.speech_encoder.partition(":")[0]),
    )
