"""Block DCT: a fixed linear codec without weights, after the transform of JPEG (ITU-T T.81).

A frame is converted to YCbCr (ITU-R BT.601, full range), and each 8x8 block of a plane to its orthonormal DCT-II. The
lowest frequencies in zig-zag order are kept: 22 of luma, 5 of each chroma plane. The decoder is the exact transpose
with the inverse color matrix. Encoding a decoded latent therefore returns the same latent, and only high frequencies
are lost.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from lt_bench.files import read_json, sha256_json
from lt_bench.models.codecs.base import Codec, check_frames, check_raw
from lt_bench.scaling import LatentScaling

BLOCK = 8
KEPT = (22, 5, 5)
"""Numbers of coefficients kept of Y, Cb and Cr."""
# Rows: Y, Cb, Cr of an RGB pixel (ITU-R BT.601); on [-1, 1] input all three stay in [-1, 1].
_RED, _BLUE = 0.299, 0.114
RGB_TO_YCBCR = (
    (_RED, 1 - _RED - _BLUE, _BLUE),
    (-_RED / (2 - 2 * _BLUE), -(1 - _RED - _BLUE) / (2 - 2 * _BLUE), 0.5),
    (0.5, -(1 - _RED - _BLUE) / (2 - 2 * _RED), -_BLUE / (2 - 2 * _RED)),
)
SCALING_FILE = Path(__file__).with_name("dct_scaling.json")


def zigzag(size: int) -> list[tuple[int, int]]:
    """Return the (row, column) frequencies of a block in JPEG's zig-zag order (ITU-T T.81, figure 5)."""
    cells = [(row, column) for row in range(size) for column in range(size)]
    return sorted(cells, key=lambda c: (c[0] + c[1], c[0] if (c[0] + c[1]) % 2 else c[1]))


def dct_matrix(size: int) -> Float[Tensor, "size size"]:
    """Return the orthonormal DCT-II in float64; row k is the k-th cosine."""
    k, n = torch.arange(size, dtype=torch.float64)[:, None], torch.arange(size, dtype=torch.float64)[None]
    matrix = torch.cos(torch.pi * (2 * n + 1) * k / (2 * size)) * (2 / size) ** 0.5
    matrix[0] /= 2**0.5
    return matrix


def _kernels() -> tuple[Tensor, Tensor]:
    """Return encoder and decoder kernels, both (channels, 3, 8, 8): color transform times two-dimensional cosine."""
    cosines = dct_matrix(BLOCK)
    colour = torch.tensor(RGB_TO_YCBCR, dtype=torch.float64)
    inverse = torch.linalg.inv(colour).T
    order, encoder, decoder = zigzag(BLOCK), [], []
    for plane, kept in enumerate(KEPT):
        for row, column in order[:kept]:
            basis = torch.outer(cosines[row], cosines[column])
            encoder.append(colour[plane][:, None, None] * basis)
            decoder.append(inverse[plane][:, None, None] * basis)
    return torch.stack(encoder), torch.stack(decoder)


@lru_cache(maxsize=16)
def _kernels_like(dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the kernels on a device; cached, because a copy for each batch would stall a GPU."""
    with torch.inference_mode(False):  # kernels made in inference mode could not be used in training
        encoder, decoder = (kernel.float().to(device, dtype) for kernel in _kernels())
    return encoder, decoder


class DctCodec(Codec):
    """The embedded default codec: 32 channels, factor 8, differentiable, more than a thousand frames per second.

    Raw latents are the coefficients themselves. ``scaling`` whitens each channel by the mean and standard deviation
    that ``experiments/detectors/measure_codec_scaling.py`` measured on synthetic and real frames.
    """

    name = "dct"

    @property
    def channels(self) -> int:
        """Return the number of channels of a latent."""
        return sum(KEPT)

    @property
    def factor(self) -> int:
        """Return the pixels of a frame's side per latent pixel."""
        return BLOCK

    @property
    def scaling(self) -> LatentScaling:
        """Return the per-channel whitening; low frequencies have about 25 times the deviation of high frequencies."""
        return self._scaling

    @property
    def hash(self) -> str:
        """Return the hex SHA-256 of the settings and the scaling constants."""
        settings = {"codec": self.name, "block": BLOCK, "kept": KEPT, "colour": RGB_TO_YCBCR}
        return sha256_json({**settings, "mean": self.scaling.mean, "std": self.scaling.std})

    def encode(self, frames: Float[Tensor, "N 3 H W"]) -> Float[Tensor, "N 32 h w"]:
        """Encode frames in [-1, 1] to coefficients.

        Raises:
            ConfigError: the sides are not multiples of 8.
        """
        check_frames(frames, self.factor)
        encoder, _ = _kernels_like(frames.dtype, frames.device)
        return functional.conv2d(frames, encoder, stride=BLOCK)

    def decode(self, raw: Float[Tensor, "N 32 h w"]) -> Float[Tensor, "N 3 H W"]:
        """Decode coefficients to frames, not clamped."""
        check_raw(raw, self.channels)
        n, _, h, w = raw.shape
        _, decoder = _kernels_like(raw.dtype, raw.device)
        # The transposed convolution with this stride is computed as one product, which is three times faster on a CPU.
        blocks = raw.flatten(2).transpose(1, 2) @ decoder.flatten(1)
        blocks = blocks.view(n, h, w, 3, BLOCK, BLOCK).permute(0, 3, 1, 4, 2, 5)
        return blocks.reshape(n, 3, h * BLOCK, w * BLOCK)

    @cached_property
    def _scaling(self) -> LatentScaling:
        measured = read_json(SCALING_FILE)
        return LatentScaling(tuple(measured["mean"]), tuple(measured["std"]))
