from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.diffusion.schedule import (
    Marginal,
    epsilon_to_sample,
    flow_marginal,
    flow_to_sample,
    linear_betas,
    linear_marginal,
    sample_to_epsilon,
    sample_to_flow,
    sample_to_v,
    v_to_sample,
)

numbers = st.floats(-10, 10)


def test_linear_schedule_is_that_of_ddpm() -> None:
    from diffusers import DDPMScheduler

    theirs = DDPMScheduler(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear")
    np.testing.assert_allclose(linear_betas(), theirs.betas, rtol=1e-6)
    marginal = linear_marginal(torch.arange(1000))
    np.testing.assert_allclose(marginal.signal**2, theirs.alphas_cumprod, rtol=1e-4)
    np.testing.assert_allclose(marginal.signal**2 + marginal.sigma**2, 1.0, rtol=1e-12)


def test_linear_marginal_is_that_of_adding_noise_step_by_step() -> None:
    signal, variance = 1.0, 0.0
    for beta in linear_betas()[:300].tolist():
        signal, variance = signal * (1 - beta) ** 0.5, variance * (1 - beta) + beta
    marginal = linear_marginal(torch.tensor([299]))
    assert marginal.signal.item() == pytest.approx(signal, rel=1e-12)
    assert marginal.sigma.item() ** 2 == pytest.approx(variance, rel=1e-12)


def test_flow_is_a_straight_line_from_latents_to_noise() -> None:
    marginal = flow_marginal(torch.tensor([0.0, 250.0, 1000.0]))
    assert marginal.signal.tolist() == [1.0, 0.75, 0.0]
    assert marginal.sigma.tolist() == [0.0, 0.25, 1.0]


@given(x0=numbers, noise=numbers, step=st.integers(0, 999))
@settings(deadline=None)
def test_linear_conversions_round_trip_and_hit_their_definitions(x0: float, noise: float, step: int) -> None:
    m = linear_marginal(torch.tensor(step))
    clean, eps = torch.tensor(x0, dtype=torch.float64), torch.tensor(noise, dtype=torch.float64)
    x = m.signal * clean + m.sigma * eps
    v = m.signal * eps - m.sigma * clean
    close = {"rtol": 1e-9, "atol": 1e-7}
    torch.testing.assert_close(sample_to_epsilon(clean, x, m), eps, **close)
    torch.testing.assert_close(epsilon_to_sample(eps, x, m), clean, **close)
    torch.testing.assert_close(sample_to_v(clean, x, m), v, **close)
    torch.testing.assert_close(v_to_sample(v, x, m), clean, **close)


@given(x0=numbers, noise=numbers, step=st.floats(0.1, 999.9))
@settings(deadline=None)
def test_flow_conversions_round_trip_and_hit_their_definitions(x0: float, noise: float, step: float) -> None:
    m = flow_marginal(torch.tensor(step, dtype=torch.float64))
    clean, eps = torch.tensor(x0, dtype=torch.float64), torch.tensor(noise, dtype=torch.float64)
    x = m.signal * clean + m.sigma * eps
    close = {"rtol": 1e-9, "atol": 1e-7}
    torch.testing.assert_close(sample_to_flow(clean, x, m), eps - clean, **close)
    torch.testing.assert_close(flow_to_sample(eps - clean, x, m), clean, **close)


def test_conversions_broadcast() -> None:
    m = Marginal(torch.tensor([0.8, 0.6]).reshape(2, 1, 1), torch.tensor([0.6, 0.8]).reshape(2, 1, 1))
    assert epsilon_to_sample(torch.zeros(2, 3, 4), torch.ones(2, 3, 4), m).shape == (2, 3, 4)
