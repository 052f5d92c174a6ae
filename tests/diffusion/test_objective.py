from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import kstest

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.objective import MAX_LOGIT, Objective
from lt_bench.diffusion.schedule import flow_marginal, linear_marginal
from lt_bench.errors import ConfigError

COMBINATIONS = [
    ("linear", "epsilon"),
    ("linear", "sample"),
    ("linear", "velocity"),
    ("flow", "sample"),
    ("flow", "velocity"),
]
MEAN, STD = 0.7, 0.5


def make(schedule: str, prediction: str, **more: object) -> Objective:
    return Objective(DiffusionConfig(schedule, prediction, **more), learn_sigma=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("schedule", ["linear", "flow"])
@pytest.mark.parametrize("step", [0.0, 120.0, 600.0, 999.0])
def test_noisy_latents_have_the_marginals_mean_and_variance(gaussian, schedule: str, step: float) -> None:
    x0, noise = gaussian(2000, channels=4, frames=2)
    x = make(schedule, "sample").add_noise(x0, noise, torch.full((2000,), step))
    m = (linear_marginal if schedule == "linear" else flow_marginal)(torch.tensor(step))
    assert x.mean().item() == pytest.approx(m.signal.item() * MEAN, abs=0.01)
    assert x.var().item() == pytest.approx((m.signal * STD).item() ** 2 + m.sigma.item() ** 2, rel=0.02)


@pytest.mark.parametrize(("schedule", "prediction"), COMBINATIONS)
@pytest.mark.parametrize("step", [100.0, 700.0])
def test_training_a_linear_network_on_gaussian_data_reaches_the_best_predictor(
    gaussian, schedule: str, prediction: str, step: float
) -> None:
    objective = make(schedule, prediction)
    x0, noise = gaussian(400, channels=4, frames=2)
    t = torch.full((400,), step)
    x = objective.add_noise(x0, noise, t)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=50, tolerance_grad=1e-10)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = objective.loss(weights[0] * x + weights[1], x0, noise, t).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    m = (linear_marginal if schedule == "linear" else flow_marginal)(torch.tensor(step))
    a, s = m.signal.item(), m.sigma.item()
    variance = a**2 * STD**2 + s**2
    # Covariances with x of x_0 and of the noise; every target is a sum of the two.
    of_clean, of_noise = a * STD**2 / variance, s / variance
    slope, mean = {
        ("linear", "epsilon"): (of_noise, 0.0),
        ("linear", "sample"): (of_clean, MEAN),
        ("linear", "velocity"): (a * of_noise - s * of_clean, -s * MEAN),
        ("flow", "sample"): (of_clean, MEAN),
        ("flow", "velocity"): (of_noise - of_clean, -MEAN),
    }[schedule, prediction]
    assert weights.tolist() == pytest.approx([slope, mean - slope * a * MEAN], abs=0.02)


def test_uniform_timesteps_are_uniform_and_whole_for_the_linear_schedule() -> None:
    generator = torch.Generator().manual_seed(0)
    flow = make("flow", "sample").sample_timesteps(20_000, generator)
    assert kstest(flow.numpy() / 1000, "uniform").pvalue > 0.01
    linear = make("linear", "epsilon").sample_timesteps(20_000, generator)
    assert torch.equal(linear, linear.floor())
    assert (linear.min().item(), linear.max().item()) == (0.0, 999.0)


def test_logit_normal_timesteps_have_a_normal_logit() -> None:
    t = make("flow", "sample", timesteps="logit_normal").sample_timesteps(20_000, torch.Generator().manual_seed(0))
    assert kstest(torch.logit(t / 1000).numpy(), "norm").pvalue > 0.01


def test_the_most_noise_is_just_below_1000_and_a_flows_timesteps_are_not_whole() -> None:
    edge = make("flow", "sample", timesteps="logit_normal", logit_mean=MAX_LOGIT, logit_std=MAX_LOGIT)
    assert edge.sample_timesteps(1000).max() == torch.nextafter(torch.tensor(1000.0), torch.tensor(0.0))
    flow = make("flow", "sample", timesteps="logit_normal").sample_timesteps(100)
    assert (flow != flow.floor()).any()


@pytest.mark.parametrize("timesteps", ["uniform", "logit_normal"])
@pytest.mark.parametrize("schedule", ["linear", "flow"])
def test_timesteps_stay_below_1000_and_follow_the_generator(schedule: str, timesteps: str) -> None:
    objective = make(schedule, "sample", timesteps=timesteps)
    first, second = (objective.sample_timesteps(50_000, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert 0 <= first.min() <= first.max() < 1000


def test_loss_is_a_window_mean_that_weights_can_shift(gaussian) -> None:
    objective = make("flow", "sample", mouth_weight=3.0)
    x0, noise = gaussian(2, channels=4, frames=2)
    t = torch.tensor([100.0, 500.0])
    prediction = x0.clone()
    prediction[1, :, :, 0] += 2  # one row of four is wrong by 2
    assert objective.loss(prediction, x0, noise, t).tolist() == pytest.approx([0.0, 1.0])
    mouth = torch.zeros(2, 2, 4, 4)
    mouth[:, :, 0] = 1
    weights = objective.mouth_weights(mouth)
    assert objective.loss(prediction, x0, noise, t, weights).tolist() == pytest.approx([0.0, 4 * 3 / 6])


def test_a_learned_variance_adds_the_bound_and_leaves_the_noise_prediction_alone(gaussian) -> None:
    objective = Objective(DiffusionConfig("linear", "epsilon"), learn_sigma=True)
    x0, noise = (tensor.float() for tensor in gaussian(3, channels=4, frames=2))
    t = torch.tensor([0.0, 10.0, 800.0])
    prediction = torch.zeros(3, 2, 8, 4, 4, requires_grad=True)
    loss = objective.loss(prediction, x0, noise, t)
    plain = make("linear", "epsilon").loss(torch.zeros_like(x0), x0, noise, t)
    assert (loss > plain).all()
    loss.sum().backward()
    expected = -2 * noise / noise[0].numel()
    assert prediction.grad is not None
    torch.testing.assert_close(prediction.grad[:, :, :4], expected)
    assert prediction.grad[:, :, 4:].any()


def test_the_bound_is_least_at_the_true_variance(gaussian) -> None:
    # With the true noise predicted, the best variance is the posterior's: values of -1.
    objective = Objective(DiffusionConfig("linear", "epsilon"), learn_sigma=True)
    x0, noise = (tensor.float() for tensor in gaussian(1, channels=4, frames=2))
    losses = [
        objective.loss(torch.cat([noise, torch.full_like(noise, value)], dim=2), x0, noise, torch.tensor([50.0])).item()
        for value in (-1.5, -1.0, -0.5, 1.0)
    ]
    assert min(losses) == losses[1] == pytest.approx(0.0, abs=1e-5)
    assert losses[1] < losses[2] < losses[3]


@pytest.mark.parametrize(
    ("config", "learn_sigma", "message"),
    [
        (DiffusionConfig("flow", "epsilon"), False, "diffusion.prediction: expected sample or velocity"),
        (DiffusionConfig("flow", "sample"), True, "model.learn_sigma: expected false"),
        (DiffusionConfig("linear", "velocity"), True, "model.learn_sigma: expected false"),
        (DiffusionConfig(mouth_weight=0.0), True, "diffusion.mouth_weight: expected a positive number"),
        (DiffusionConfig(mouth_weight=math.nan), True, "diffusion.mouth_weight: expected a positive number"),
        (DiffusionConfig(mouth_weight=math.inf), True, "diffusion.mouth_weight: expected a positive number"),
        (DiffusionConfig(min_snr_gamma=math.inf), True, "diffusion.min_snr_gamma: expected 0"),
        (DiffusionConfig(channel_weight=4.5), True, "diffusion.channel_weight: expected 0 to 4"),
    ],
)
def test_what_does_not_go_together_is_refused(config: DiffusionConfig, learn_sigma: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Objective(config, learn_sigma)


def test_the_ends_of_ranges_are_allowed() -> None:
    Objective(DiffusionConfig(timesteps="logit_normal", logit_mean=-MAX_LOGIT, logit_std=MAX_LOGIT), True)
    Objective(DiffusionConfig(channel_weight=4.0, min_snr_gamma=0.0), True)


def test_a_prediction_of_other_channels_is_refused(gaussian) -> None:
    x0, noise = gaussian(1, channels=4, frames=2)
    with pytest.raises(ValueError, match="prediction: expected 4 channels, got 8"):
        make("linear", "epsilon").loss(torch.zeros(1, 2, 8, 4, 4), x0, noise, torch.zeros(1))
