"""Between pictures and sound on one side and what the generator takes and gives on the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from lt_bench.models.codecs.base import Codec, frames_to_tensor, tensor_to_frames
from lt_bench.perception.speech.base import SpeechEncoder
from lt_bench.scaling import LatentScaling
from lt_bench.shapes import Float, UInt8, Waveform

SAMPLE_RATE = 16000
FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
DECODED_AT_ONCE = 16


def picture_to_latent(
    picture: UInt8[np.ndarray, "H W 3"], codec: Codec, scaling: LatentScaling
) -> Float[Tensor, "C h w"]:
    """The scaled latent of a picture whose sides are multiples of the codec's factor."""
    with torch.inference_mode():
        return scaling.raw_to_latents(codec.encode(frames_to_tensor(picture[None])))[0]


def voice_to_features(voice: Waveform, frames: int, encoder: SpeechEncoder) -> Float[Tensor, "F L D"]:
    """Speech features of ``frames`` frames at 25 Hz of mono sound at 16 kHz.

    Rounded to half precision, as those in a cache are, so that a model hears the same in training and in use.
    """
    features = encoder.encode(voice, frames)
    return torch.from_numpy(np.asarray(features, np.float16).astype(np.float32))


def latents_to_frames(
    runs: Iterable[Float[Tensor, "F C h w"]], codec: Codec, scaling: LatentScaling, device: torch.device | str = "cpu"
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Decode runs of scaled latents to RGB frames, a few at a time."""
    for run in runs:
        for part in run.split(DECODED_AT_ONCE):
            with torch.inference_mode():
                decoded = codec.decode(scaling.latents_to_raw(part.to(device)))
            yield from tensor_to_frames(decoded)
