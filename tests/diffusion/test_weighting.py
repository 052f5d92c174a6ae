"""Which timesteps count how much: in closed form for Gaussian data, and between predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.diffusion.schedule import Marginal, sample_to_epsilon, sample_to_flow, sample_to_v
from lt_bench.diffusion.variance import posterior
from lt_bench.errors import ConfigError

COMBINATIONS = [
    ("linear", "epsilon"),
    ("linear", "sample"),
    ("linear", "velocity"),
    ("flow", "sample"),
    ("flow", "velocity"),
]
MEAN, STD = 0.7, 0.5


def predicted(objective: Objective, clean: torch.Tensor, x: torch.Tensor, m: Marginal) -> torch.Tensor:
    """The network's output that stands for the estimate ``clean`` of the clean latents."""
    config = objective.config
    if config.prediction == "sample":
        return clean
    if config.prediction == "epsilon":
        return sample_to_epsilon(clean, x, m)
    return (sample_to_flow if config.schedule == "flow" else sample_to_v)(clean, x, m)


@pytest.mark.parametrize(("schedule", "prediction"), COMBINATIONS)
@settings(deadline=None, max_examples=30)
@given(step=st.integers(1, 999), gamma=st.floats(0.1, 50), seed=st.integers(0, 100))
def test_whatever_is_predicted_min_snr_is_the_same_loss(
    gaussian, schedule: str, prediction: str, step: int, gamma: float, seed: int
) -> None:
    objective = Objective(DiffusionConfig(schedule, prediction, min_snr_gamma=gamma), False)  # type: ignore[arg-type]
    x0, noise = gaussian(2, seed)
    t = torch.full((2,), float(step))
    x, m = objective.add_noise(x0, noise, t), objective.marginal(t, x0)
    estimate = x0 + 0.3 * noise.flip(0)
    loss = objective.loss(predicted(objective, estimate, x, m), x0, noise, t)
    snr = (m.signal / m.sigma)[:, 0, 0, 0, 0] ** 2
    torch.testing.assert_close(
        loss, snr.clamp(max=gamma) * ((estimate - x0) ** 2).flatten(1).mean(1), rtol=1e-7, atol=0
    )


@pytest.mark.parametrize(("schedule", "prediction"), COMBINATIONS)
@pytest.mark.parametrize("gamma", [0.0, 5.0])
@pytest.mark.parametrize("timesteps", [("uniform", 0.0, 1.0), ("logit_normal", -0.6, 0.8)])
def test_a_linear_network_for_all_timesteps_reaches_the_best_compromise(
    gaussian, schedule: str, prediction: str, gamma: float, timesteps: tuple[str, float, float]
) -> None:
    """It cannot be right at every timestep, so where its optimum lies shows how each one counts."""
    objective = Objective(DiffusionConfig(schedule, prediction, *timesteps, min_snr_gamma=gamma), False)  # type: ignore[arg-type]
    x0, noise = gaussian(6000)
    t = objective.sample_timesteps(6000, torch.Generator().manual_seed(1))
    weights = trained(objective, x0, noise, t)
    assert weights == pytest.approx(best_compromise(objective), abs=0.035)


def trained(objective: Objective, x0: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> list[float]:
    """Slope and offset of a linear network after minimising the loss."""
    x = objective.add_noise(x0, noise, t)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=40, tolerance_grad=1e-9)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = objective.loss(weights[0] * x + weights[1], x0, noise, t).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weights.tolist()


def best_compromise(objective: Objective) -> list[float]:
    """The same from the moments of (x, target) at each of many timesteps, by weighted least squares."""
    config = objective.config
    quantiles = (np.arange(4000) + 0.5) / 4000
    if config.timesteps == "logit_normal":
        quantiles = 1 / (1 + np.exp(-(config.logit_mean + config.logit_std * norm.ppf(quantiles))))
    t = torch.from_numpy(1000 * quantiles)
    m = objective.marginal(t.floor() if config.schedule == "linear" else t, t)
    a, s = m.signal.numpy(), m.sigma.numpy()
    snr = (a / s) ** 2
    # target = of_clean x_0 + of_noise noise; and the weight of its error in terms of the clean latents' error.
    of_clean, of_noise, weight = {
        ("linear", "epsilon"): (0 * a, 1 + 0 * a, np.minimum(snr, config.min_snr_gamma) / snr),
        ("linear", "sample"): (1 + 0 * a, 0 * a, np.minimum(snr, config.min_snr_gamma)),
        ("linear", "velocity"): (-s, a, np.minimum(snr, config.min_snr_gamma) / (snr + 1)),
        ("flow", "sample"): (1 + 0 * a, 0 * a, np.minimum(snr, config.min_snr_gamma)),
        ("flow", "velocity"): (-1 + 0 * a, 1 + 0 * a, np.minimum(snr, config.min_snr_gamma) * s**2),
    }[config.schedule, config.prediction]
    weight = weight if config.min_snr_gamma else np.ones_like(a)
    square = MEAN**2 + STD**2
    normal = [
        [(weight * (a**2 * square + s**2)).sum(), (weight * a * MEAN).sum()],
        [(weight * a * MEAN).sum(), weight.sum()],
    ]
    right = [(weight * (a * of_clean * square + s * of_noise)).sum(), (weight * of_clean * MEAN).sum()]
    return np.linalg.solve(normal, right).tolist()


@pytest.mark.parametrize(("step", "std"), [(1.0, 0.01), (6.0, 0.03)])
def test_a_trained_variance_reaches_that_of_the_true_reverse_step(gaussian, step: float, std: float) -> None:
    objective = Objective(DiffusionConfig("linear", "epsilon"), learn_sigma=True)
    x0, noise = gaussian(1000, std=std)
    t = torch.full((1000,), step)
    x = objective.add_noise(x0, noise, t)
    m, q = objective.marginal(t[:1], x0), posterior(t[:1])
    variance = ((m.signal * std) ** 2 + m.sigma**2).item()
    standard = (x - m.signal * MEAN) / variance**0.5  # as a network's own normalisation would
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120)
    for _ in range(120):
        optimizer.zero_grad()
        prediction = torch.cat([weights[0] * standard + weights[1], weights[2].expand_as(x)], dim=2)
        objective.loss(prediction, x0, noise, t).mean().backward()
        optimizer.step()
        schedule.step()
    of_clean = std**2 * m.sigma.item() ** 2 / variance  # variance of the clean latents given the noisy ones
    low, high = q.log_variance.item(), q.log_beta.item()
    true = math.log(math.exp(low) + q.from_clean.item() ** 2 * of_clean)
    assert weights[:2].tolist() == pytest.approx([m.sigma.item() / variance**0.5, 0], abs=0.03)
    assert low + 0.03 < true < high - 0.03
    assert low + (weights[2].item() + 1) / 2 * (high - low) == pytest.approx(true, abs=0.015)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"logit_mean": 0.5},
            "logit_mean, logit_std: expected 0 and 1 with timesteps uniform, got 0.5 and 1.0",
        ),
        (
            {"timesteps": "logit_normal", "logit_std": 0.0},
            "logit_std: expected above 0 and up to 10, got 0.0",
        ),
        ({"timesteps": "logit_normal", "logit_mean": -11.0}, "diffusion.logit_mean: expected -10 to 10, got -11.0"),
        ({"min_snr_gamma": -1.0}, r"diffusion.min_snr_gamma: expected 0 \(off\) or a positive number, got -1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Objective(DiffusionConfig(**changes), False)


def test_weights_are_finite_at_both_ends(gaussian) -> None:
    for schedule, prediction in COMBINATIONS:
        objective = Objective(DiffusionConfig(schedule, prediction, min_snr_gamma=5.0), False)  # type: ignore[arg-type]
        x0, noise = gaussian(2)
        t = torch.tensor([0.0, 999.0 if schedule == "linear" else 999.999])
        assert torch.isfinite(objective.loss(torch.zeros_like(x0), x0, noise, t)).all()


def test_the_mouth_weighs_what_the_config_says() -> None:
    objective = Objective(DiffusionConfig(mouth_weight=4.0), False)
    mask = torch.tensor([[[[0.0, 1.0]]]])
    assert objective.mouth_weights(mask).flatten().tolist() == [1.0, 4.0]
