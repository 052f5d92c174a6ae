from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from torch.distributions import Normal, kl_divergence

from lt_bench.diffusion.schedule import linear_betas, linear_marginal
from lt_bench.diffusion.variance import (
    BIN,
    binned_nll,
    gaussian_kl,
    interpolate_log_variance,
    posterior,
    variational_bound,
)

logs = st.floats(-8, 2)
numbers = st.floats(-3, 3)


@given(mean1=numbers, log1=logs, mean2=numbers, log2=logs)
@settings(deadline=None)
def test_gaussian_kl_is_torchs(mean1: float, log1: float, mean2: float, log2: float) -> None:
    m1, v1, m2, v2 = (torch.tensor(value, dtype=torch.float64) for value in (mean1, log1, mean2, log2))
    expected = kl_divergence(Normal(m1, (v1 / 2).exp()), Normal(m2, (v2 / 2).exp()))
    torch.testing.assert_close(gaussian_kl(m1, v1, m2, v2), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("step", [1, 10, 500, 999])
def test_posterior_is_bayes_rule(step: int) -> None:
    x0, x = 0.3, -0.8
    beta = linear_betas()[step].item()
    before = linear_marginal(torch.tensor(step - 1))
    prior_mean, prior_variance = before.signal.item() * x0, before.sigma.item() ** 2
    # x_t = sqrt(1 - beta) x_{t-1} + sqrt(beta) noise: the product of two Gaussians in x_{t-1}.
    precision = 1 / prior_variance + (1 - beta) / beta
    mean = (prior_mean / prior_variance + math.sqrt(1 - beta) / beta * x) / precision
    q = posterior(torch.tensor(step))
    assert q.from_clean.item() * x0 + q.from_noisy.item() * x == pytest.approx(mean, rel=1e-9)
    assert q.log_variance.item() == pytest.approx(-math.log(precision), rel=1e-9)
    assert q.log_beta.item() == pytest.approx(math.log(beta))


def test_posterior_of_the_first_step_has_the_seconds_variance() -> None:
    q = posterior(torch.tensor([0, 1]))
    assert q.log_variance[0] == q.log_variance[1]
    assert (q.from_clean[0].item(), q.from_noisy[0].item()) == pytest.approx((1.0, 0.0))


def test_values_of_minus_one_and_one_are_the_ends_of_the_range() -> None:
    low, high = torch.tensor(-7.0), torch.tensor(-4.0)
    got = [interpolate_log_variance(torch.tensor(v), low, high).item() for v in (-1.0, 0.0, 1.0)]
    assert got == [-7.0, -5.5, -4.0]


@given(x=numbers, mean=numbers, log_variance=logs)
@settings(deadline=None)
def test_binned_nll_is_scipys(x: float, mean: float, log_variance: float) -> None:
    scale = math.exp(log_variance / 2)
    upper, lower = (x - mean + BIN) / scale, (x - mean - BIN) / scale
    mass = norm.sf(lower) - norm.sf(upper) if lower > 0 else norm.cdf(upper) - norm.cdf(lower)
    got = binned_nll(*(torch.tensor(value, dtype=torch.float64) for value in (x, mean, log_variance)))
    assert got.item() == pytest.approx(-math.log(max(mass, 1e-12)), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("x", [-5.0, 5.0])
def test_binned_nll_keeps_its_precision_in_both_tails_of_float32(x: float) -> None:
    numbers = torch.tensor([x, 0.0, 0.0])
    assert binned_nll(*numbers).item() == pytest.approx(binned_nll(*numbers.double()).item(), rel=1e-3)


def _bound(values: torch.Tensor, epsilon: torch.Tensor, step: int) -> tuple[torch.Tensor, float]:
    generator = torch.Generator().manual_seed(0)
    x0 = torch.randn(1, 2, 3, 4, 4, generator=generator, dtype=torch.float64)
    noise = torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    m = linear_marginal(torch.tensor(step))
    x = m.signal * x0 + m.sigma * noise
    steps = torch.full((1, 1, 1, 1, 1), float(step))
    bound = variational_bound(epsilon, values, x0, x, steps, m.signal, m.sigma)
    q = posterior(torch.tensor(step))
    predicted = (x - m.sigma * epsilon.detach()) / m.signal
    log_variance = interpolate_log_variance(values.detach(), q.log_variance, q.log_beta)
    p = Normal(q.from_clean * predicted + q.from_noisy * x, (log_variance / 2).exp())
    if step == 0:
        mass = norm.cdf(x0 + BIN, p.mean, p.stddev) - norm.cdf(x0 - BIN, p.mean, p.stddev)
        return bound, float(-np.log2(np.maximum(mass, 1e-12)).mean())
    true = Normal(q.from_clean * x0 + q.from_noisy * x, (q.log_variance / 2).exp())
    return bound, (kl_divergence(true, p).mean() / math.log(2)).item()


@pytest.mark.parametrize("step", [0, 1, 400, 999])
def test_bound_is_the_kl_of_the_posteriors_in_bits(step: int) -> None:
    generator = torch.Generator().manual_seed(1)
    values, epsilon = (torch.randn(1, 2, 3, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    bound, expected = _bound(values, epsilon, step)
    assert bound.mean().item() == pytest.approx(expected, rel=1e-7)


def test_windows_at_the_last_step_and_others_share_a_batch() -> None:
    generator = torch.Generator().manual_seed(2)
    x0, x, epsilon, values = torch.randn(4, 3, 2, 3, 4, 4, generator=generator, dtype=torch.float64)
    steps = torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1, 1)

    def bound(windows: slice) -> torch.Tensor:
        m = linear_marginal(steps[windows])
        given = (epsilon[windows], values[windows], x0[windows], x[windows], steps[windows])
        return variational_bound(*given, m.signal, m.sigma)

    torch.testing.assert_close(bound(slice(None)), torch.cat([bound(slice(k, k + 1)) for k in range(3)]))


@pytest.mark.parametrize("step", [0, 400])
def test_bound_trains_the_variance_only(step: int) -> None:
    values, epsilon = (torch.zeros(1, 2, 3, 4, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    bound, _ = _bound(values, epsilon, step)
    bound.sum().backward()
    assert values.grad is not None
    assert values.grad.any()
    assert epsilon.grad is None
