"""Raw latents and latents convert to each other exactly."""

import pytest
import torch

from lt_bench.scaling import LatentScaling


def test_round_trip_in_float64() -> None:
    scaling = LatentScaling((1.0, -2.0, 0.0), (0.5, 3.0, 1.0))
    raw = torch.randn(2, 4, 3, 5, 6, dtype=torch.float64)
    assert torch.allclose(scaling.latents_to_raw(scaling.raw_to_latents(raw)), raw, rtol=0, atol=1e-14)
    assert scaling.raw_to_latents(torch.full((3, 1, 1), 1.0))[:, 0, 0].tolist() == [0.0, 1.0, 1.0]


def test_errors_say_what_was_expected() -> None:
    with pytest.raises(ValueError, match="expected 1 latent channels, got 2"):
        LatentScaling((0.0,), (1.0,)).raw_to_latents(torch.zeros(2, 3, 3))
    with pytest.raises(ValueError, match="as many means as positive stds"):
        LatentScaling((0.0,), (0.0,))
