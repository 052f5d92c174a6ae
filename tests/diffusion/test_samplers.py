"""Samplers with the exact denoiser of Gaussian data, for which everything is known in closed form."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.config import DiffusionConfig
from lt_bench.diffusion.samplers import Sampler, build_sampler
from lt_bench.diffusion.schedule import (
    Marginal,
    flow_marginal,
    linear_marginal,
    sample_to_epsilon,
    sample_to_flow,
    sample_to_v,
)
from lt_bench.diffusion.variance import interpolate_log_variance
from lt_bench.errors import ConfigError

MEAN, STD = 0.7, 0.5
LINEAR = [
    (name, prediction)
    for name in ("ddpm", "ddim", "dpmpp_2m", "unipc")
    for prediction in ("epsilon", "sample", "velocity")
]
FLOW = [
    (name, prediction)
    for name in ("flow_euler", "flow_heun", "dpmpp_2m", "unipc")
    for prediction in ("sample", "velocity")
]


def marginal(schedule: str, t: Tensor) -> Marginal:
    m = (linear_marginal if schedule == "linear" else flow_marginal)(t)
    return Marginal(m.signal.float(), m.sigma.float())


def exact(config: DiffusionConfig, t: Tensor, x: Tensor) -> Tensor:
    """The best prediction for data N(MEAN, STD^2)."""
    m = marginal(config.schedule, t)
    gain = m.signal * STD**2 / ((m.signal * STD) ** 2 + m.sigma**2)
    x0 = MEAN + gain * (x - m.signal * MEAN)
    if config.prediction == "sample":
        return x0
    if config.prediction == "epsilon":
        return sample_to_epsilon(x0, x, m)
    return (sample_to_flow if config.schedule == "flow" else sample_to_v)(x0, x, m)


def run(sampler: Sampler, config: DiffusionConfig, seed: int = 0, size: int = 100, x: Tensor | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if x is None:
        x = sampler.init_noise_scale * torch.randn(1, 1, 4, size, size, generator=generator)
    for t in sampler.timesteps:
        x = sampler.step(exact(config, t, x), t, x, generator)
    return x


@pytest.mark.parametrize(
    ("schedule", "name", "prediction"), [("linear", *pair) for pair in LINEAR] + [("flow", *pair) for pair in FLOW]
)
def test_the_exact_denoiser_gives_the_datas_mean_and_deviation(schedule: str, name: str, prediction: str) -> None:
    config = DiffusionConfig(schedule, prediction)  # type: ignore[arg-type]
    samples = run(build_sampler(name, 100, config), config)  # type: ignore[arg-type]
    assert samples.mean().item() == pytest.approx(MEAN, abs=0.015)
    # Ancestral steps with the posterior's variance lose a little of it; 100 steps of the others are close.
    assert samples.std().item() == pytest.approx(STD, rel=0.08 if name == "ddpm" else 0.03)


# Steps short enough for the error to follow the order; 125 and 250 divide 1000, so timesteps need no rounding.
ORDERS = [
    ("linear", "ddim", 1, (125, 250)),
    ("linear", "dpmpp_2m", 2, (250, 500)),
    ("linear", "unipc", 2, (125, 250)),
    ("flow", "flow_euler", 1, (40, 80)),
    ("flow", "flow_heun", 2, (20, 40)),
    ("flow", "dpmpp_2m", 2, (80, 160)),
    ("flow", "unipc", 2, (80, 160)),
]


@pytest.mark.parametrize(("schedule", "name", "order", "steps"), ORDERS)
def test_the_error_falls_with_the_order_of_the_solver(
    schedule: str, name: str, order: int, steps: tuple[int, int]
) -> None:
    """Deterministic samplers are affine maps of the first noise here; the exact map is known."""
    config = DiffusionConfig(schedule, "sample")  # type: ignore[arg-type]
    errors = [deviation_error(build_sampler(name, count, config), config) for count in steps]  # type: ignore[arg-type]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


def deviation_error(sampler: Sampler, config: DiffusionConfig) -> float:
    """How far the factor of the first noise is, before the last step, from that of the exact solution."""
    x = torch.tensor([1.0, 0.0], dtype=torch.float64).reshape(1, 1, 1, 1, 2)
    for t in sampler.timesteps[:-1]:
        x = sampler.step(exact(config, t, x), t, x)
    ends = [marginal(config.schedule, sampler.timesteps[i]) for i in (0, -1)]
    first, last = (((m.signal * STD) ** 2 + m.sigma**2).sqrt().item() for m in ends)
    return abs((x[..., 0] - x[..., 1]).item() - last / first)


@pytest.mark.parametrize(
    ("schedule", "name"),
    [
        ("linear", "ddim"),
        ("linear", "dpmpp_2m"),
        ("linear", "unipc"),
        ("flow", "flow_euler"),
        ("flow", "flow_heun"),
        ("flow", "unipc"),
    ],
)
def test_a_sampler_is_the_librarys_own_loop(schedule: str, name: str) -> None:
    import diffusers

    prediction = "velocity" if schedule == "flow" else "epsilon"
    config = DiffusionConfig(schedule, prediction)  # type: ignore[arg-type]
    linear = {"beta_start": 1e-4, "beta_end": 0.02, "timestep_spacing": "trailing"}
    own: Any = {
        "ddim": lambda: diffusers.DDIMScheduler(**linear, clip_sample=False),
        "dpmpp_2m": lambda: diffusers.DPMSolverMultistepScheduler(**linear),
        "unipc": lambda: diffusers.UniPCMultistepScheduler(
            **linear,
            **({"use_flow_sigmas": True, "prediction_type": "flow_prediction"} if schedule == "flow" else {}),
        ),
        "flow_euler": diffusers.FlowMatchEulerDiscreteScheduler,
        "flow_heun": diffusers.FlowMatchHeunDiscreteScheduler,
    }[name]()
    if hasattr(own, "alphas_cumprod"):
        own.alphas_cumprod = own.alphas_cumprod.numpy()
    if name == "flow_euler":
        own.set_timesteps(sigmas=[1 - i / 8 for i in range(8)])
    else:
        own.set_timesteps(8)
    x = torch.randn(1, 1, 2, 8, 8, generator=torch.Generator().manual_seed(1))
    ours = run(build_sampler(name, 8, config), config, x=x)  # type: ignore[arg-type]
    for index, t in enumerate(own.timesteps):
        # UniPC rounds the flow's timesteps down; the network is given the exact ones.
        level = own.sigmas[index] * 1000 if schedule == "flow" and name == "unipc" else t
        x = own.step(exact(config, level, x), t, x).prev_sample
    torch.testing.assert_close(ours, x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("steps", [5, 12])
def test_ddpm_with_the_exact_learned_variance_is_exact_in_few_steps(steps: int) -> None:
    config = DiffusionConfig("linear", "epsilon")
    sampler = build_sampler("ddpm", steps, config, learn_sigma=True)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 4, 100, 100, generator=generator)
    for index, t in enumerate(sampler.timesteps):
        values = torch.full_like(x, 50.0)  # at the last step the variance is not used
        if index + 1 < steps:
            values = torch.full_like(x, exact_value(t, sampler.timesteps[index + 1]))
        x = sampler.step(torch.cat([exact(config, t, x), values], dim=2), t, x, generator)
    assert x.mean().item() == pytest.approx(MEAN, abs=0.015)
    last = linear_marginal(sampler.timesteps[-1])  # the last step returns the denoiser's mean, which shrinks slightly
    shrink = (last.signal * STD / ((last.signal * STD) ** 2 + last.sigma**2).sqrt()).item()
    assert x.std().item() == pytest.approx(STD * shrink, rel=0.012)


def exact_value(t: Tensor, following: Tensor) -> float:
    """The network's value for the variance of x_s given x_t, for Gaussian data."""
    now, then = (linear_marginal(step) for step in (t, following))
    kept = (now.signal / then.signal) ** 2
    variance_now, variance_then = ((m.signal * STD) ** 2 + m.sigma**2 for m in (now, then))
    wanted = (variance_then - kept * variance_then**2 / variance_now).log()
    beta = 1 - kept
    low, high = (beta * then.sigma**2 / now.sigma**2).log(), beta.log()
    value = 2 * (wanted - low) / (high - low) - 1
    torch.testing.assert_close(interpolate_log_variance(value, low, high), wanted)
    return value.item()


@pytest.mark.parametrize("name", ["ddim", "dpmpp_2m", "unipc"])
def test_other_samplers_drop_the_learned_variance(name: str) -> None:
    config = DiffusionConfig("linear", "epsilon")
    plain, learned = (build_sampler(name, 4, config, learn_sigma=flag) for flag in (False, True))  # type: ignore[arg-type]
    x = torch.randn(1, 2, 3, 4, 4)
    for t in plain.timesteps:
        prediction = exact(config, t, x)
        got = learned.step(torch.cat([prediction, torch.randn_like(prediction)], dim=2), t, x)
        x = plain.step(prediction, t, x)
        assert torch.equal(got, x)


@pytest.mark.parametrize(
    ("schedule", "name"),
    [("linear", n) for n in ("ddpm", "ddim", "dpmpp_2m", "unipc")]
    + [("flow", n) for n in ("flow_euler", "flow_heun", "unipc")],
)
def test_a_generator_decides_everything(schedule: str, name: str) -> None:
    config = DiffusionConfig(schedule, "velocity")  # type: ignore[arg-type]
    first, again, other = (run(build_sampler(name, 6, config), config, seed, size=8) for seed in (0, 0, 1))  # type: ignore[arg-type]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_generator_for_each_window_makes_windows_independent_of_the_batch() -> None:
    config = DiffusionConfig("linear", "epsilon")

    def sample(seeds: list[int]) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        x = torch.stack([torch.randn(2, 3, 4, 4, generator=generator) for generator in generators])
        sampler = build_sampler("ddpm", 5, config)
        for t in sampler.timesteps:
            x = sampler.step(exact(config, t, x), t, x, generators)
        return x

    torch.testing.assert_close(sample([1, 2, 3])[1], sample([2])[0])


@pytest.mark.parametrize(
    ("schedule", "name", "first", "last"),
    [
        ("linear", "ddpm", 999.0, 0.0),
        ("linear", "ddim", 999.0, 99.0),
        ("linear", "dpmpp_2m", 999.0, 99.0),
        ("linear", "unipc", 999.0, 99.0),
        ("flow", "flow_euler", 1000.0, 100.0),
        ("flow", "unipc", 999.999, 100.9),
        ("flow", "dpmpp_2m", 999.0, 99.9),
    ],
)
def test_ten_steps_go_from_noise_to_latents(schedule: str, name: str, first: float, last: float) -> None:
    timesteps = build_sampler(name, 10, DiffusionConfig(schedule, "sample")).timesteps  # type: ignore[arg-type]
    assert len(timesteps) == 10
    assert timesteps.dtype == torch.float32
    assert (timesteps[0].item(), timesteps[-1].item()) == pytest.approx((first, last), abs=1e-3)
    assert (timesteps.diff() < 0).all()


@pytest.mark.parametrize("steps", [7, 12, 160])
def test_steps_that_do_not_divide_1000_miss_no_timestep(steps: int) -> None:
    """The stride of diffusers would end each step beside the next timestep, by up to a whole one."""
    config = DiffusionConfig("linear", "sample")
    sampler = build_sampler("ddim", steps, config)
    noise, x0 = torch.randn(2, 1, 1, 1, 4, 4, dtype=torch.float64)
    m = marginal("linear", sampler.timesteps[0])
    x = m.signal * x0 + m.sigma * noise
    for t in sampler.timesteps:
        m = marginal("linear", t)
        torch.testing.assert_close(x, m.signal * x0 + m.sigma * noise, rtol=1e-4, atol=1e-4)
        x = sampler.step(x0, t, x)
    torch.testing.assert_close(x, x0)


@pytest.mark.parametrize(("schedule", "name"), [("linear", "ddim"), ("flow", "flow_euler")])
def test_one_step_is_the_denoiser(schedule: str, name: str) -> None:
    config = DiffusionConfig(schedule, "sample")  # type: ignore[arg-type]
    sampler = build_sampler(name, 1, config)  # type: ignore[arg-type]
    x, clean = torch.randn(2, 1, 1, 3, 4, 4)
    torch.testing.assert_close(sampler.step(clean, sampler.timesteps[0], x), clean)


def test_a_single_step_of_ddpm_would_take_noise_for_clean_latents() -> None:
    with pytest.raises(ConfigError, match=r"sampling\.steps: expected 2 to 1000, got 1"):
        build_sampler("ddpm", 1, DiffusionConfig("linear", "sample"))
    assert list(build_sampler("ddpm", 2, DiffusionConfig("linear", "sample")).timesteps) == [999, 0]


def test_steps_out_of_order_and_wrong_channels_are_refused() -> None:
    sampler = build_sampler("ddim", 2, DiffusionConfig("linear", "sample"))
    x = torch.zeros(1, 1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"timestep: expected the next one \[999.0\], got 499.0"):
        sampler.step(x, sampler.timesteps[1], x)
    with pytest.raises(ValueError, match="prediction: expected 3 channels, got 6"):
        sampler.step(torch.cat([x, x], dim=2), sampler.timesteps[0], x)
    for t in sampler.timesteps:
        sampler.step(x, t, x)
    with pytest.raises(ValueError, match=r"timestep: expected the next one \[\], got 0.0"):
        sampler.step(x, 0.0, x)


def test_as_many_steps_as_the_schedule_has_visit_every_timestep() -> None:
    assert build_sampler("ddim", 1000, DiffusionConfig("linear", "sample")).timesteps.tolist() == list(
        range(999, -1, -1)
    )


@pytest.mark.parametrize(
    ("schedule", "name", "steps", "message"),
    [
        ("flow", "ddim", 10, "expected one of dpmpp_2m, flow_euler, flow_heun, unipc with schedule flow, got 'ddim'"),
        ("linear", "flow_euler", 10, "expected one of ddim, ddpm, dpmpp_2m, unipc with schedule linear"),
        ("linear", "ddim", 0, "sampling.steps: expected 1 to 1000, got 0"),
        ("linear", "ddim", 1001, "sampling.steps: expected 1 to 1000, got 1001"),
    ],
)
def test_what_does_not_fit_is_refused(schedule: str, name: str, steps: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_sampler(name, steps, DiffusionConfig(schedule, "sample"))  # type: ignore[arg-type]


def test_heun_calls_the_network_twice_a_step_but_once_in_the_last() -> None:
    timesteps = build_sampler("flow_heun", 4, DiffusionConfig("flow", "velocity")).timesteps
    assert timesteps.tolist() == [1000, 667, 667, 334, 334, 1, 1]


@pytest.mark.parametrize("name", ["dpmpp_2m", "unipc"])
def test_steps_even_in_log_snr_are_nearer_to_narrow_data(name: Any) -> None:
    config = DiffusionConfig("linear", "epsilon")
    samplers = [build_sampler(name, 16, config, spacing=spacing) for spacing in ("even", "log_snr")]
    even, spaced = (abs(run(sampler, config).std().item() - STD) for sampler in samplers)
    assert spaced < even
    ratios = [m.sigma / m.signal for m in (marginal("linear", t) for t in samplers[1].timesteps)]
    steps = torch.stack(ratios).log().diff()
    assert steps[:10].std() < 0.05 * steps.mean().abs()  # timesteps are whole, which shows where they are dense
    assert samplers[1].timesteps[-1] == 0


def test_a_spacing_that_does_not_apply_is_refused() -> None:
    for name, schedule in (("ddim", "linear"), ("unipc", "flow")):
        with pytest.raises(ConfigError, match=r"sampling.spacing: expected even unless dpmpp_2m or unipc"):
            build_sampler(name, 5, DiffusionConfig(schedule, "sample"), spacing="log_snr")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dpmpp_2m", "unipc"])
@pytest.mark.parametrize("spacing", ["even", "log_snr"])
def test_the_network_is_told_the_timestep_nearest_the_noise(name: str, spacing: str) -> None:
    sampler = build_sampler(name, 16, DiffusionConfig("linear", "epsilon"), spacing=spacing)  # type: ignore[arg-type]
    ratio = linear_marginal(torch.arange(1000))
    levels = (ratio.sigma / ratio.signal).log()
    for told, sigma in zip(sampler.timesteps.long().tolist(), sampler._scheduler.sigmas, strict=False):  # type: ignore
        beside = levels[max(told - 1, 0) : told + 2] - sigma.double().log()
        assert (levels[told] - sigma.double().log()).abs() <= beside.abs().min() + 1e-6
