"""The loss can weigh latent channels by their deviation before whitening."""

import pytest
import torch

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.errors import ConfigError
from lt_bench.models.codecs.dct import DctCodec


def test_exponent_two_is_the_error_in_pixels() -> None:
    """For an orthonormal codec, up to one factor: the weighted latent error equals the luma plane's."""
    codec = DctCodec()
    scaling = codec.scaling
    weights = Objective(DiffusionConfig(channel_weight=2.0), learn_sigma=False).channel_weights(scaling.std)
    # Luma channels alone: colour's inverse matrix is not orthonormal.
    x, y = torch.zeros(2, 1, 32, 8, 8)
    x[:, :22], y[:, :22] = torch.randn(2, 1, 22, 8, 8)
    error = ((x - y) ** 2 * weights).sum()
    pixels = (codec.decode(scaling.latents_to_raw(x)) - codec.decode(scaling.latents_to_raw(y)))[:, 0] ** 2
    mean_square = (torch.tensor(scaling.std) ** 2).mean()
    assert torch.allclose(error * mean_square, pixels.sum(), rtol=1e-4)


def test_exponent_zero_changes_nothing_and_the_mean_is_one() -> None:
    assert Objective(DiffusionConfig(), False).channel_weights((0.1, 5.0)).flatten().tolist() == [1.0, 1.0]
    weights = Objective(DiffusionConfig(schedule="flow", prediction="sample", channel_weight=1.0), False)
    assert weights.channel_weights((1.0, 3.0)).flatten().tolist() == [0.5, 1.5]


def test_a_wild_exponent_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"diffusion.channel_weight: expected 0 to 4, got -1"):
        Objective(DiffusionConfig(channel_weight=-1.0), learn_sigma=False)
