"""Encoding of pictures to latents, and decoding of latents to frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from lt_bench.models.codecs.base import Codec, frames_to_tensor, tensor_to_frames
from lt_bench.scaling import LatentScaling
from lt_bench.shapes import Float, UInt8

DECODED_AT_ONCE = 16


def picture_to_latent(
    picture: UInt8[np.ndarray, "H W 3"], codec: Codec, scaling: LatentScaling, device: torch.device | str = "cpu"
) -> Float[Tensor, "C h w"]:
    """Encode a picture, whose sides are multiples of the codec's factor, to a scaled latent on the CPU.

    Encoding runs on the device that decodes. A codec follows its input, so otherwise its weights would move with every
    batch.
    """
    with torch.inference_mode():
        return scaling.raw_to_latents(codec.encode(frames_to_tensor(picture[None]).to(device)))[0].cpu()


def latents_to_frames(
    runs: Iterable[Float[Tensor, "F C h w"]], codec: Codec, scaling: LatentScaling, device: torch.device | str = "cpu"
) -> Iterator[UInt8[np.ndarray, "H W 3"]]:
    """Decode runs of scaled latents to RGB frames, a few at a time."""
    for run in runs:
        for part in run.split(DECODED_AT_ONCE):
            with torch.inference_mode():
                decoded = codec.decode(scaling.latents_to_raw(part.to(device)))
            yield from tensor_to_frames(decoded)
