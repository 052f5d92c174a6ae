from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.config import DiffusionConfig, TrainConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.training.averaging import ramped_average, ramped_decay
from lt_bench.training.datamodule import StepBatches
from lt_bench.training.draws import VALIDATION, draw, step_generator
from lt_bench.training.schedule import learning_rate_factor

FLOW = Objective(DiffusionConfig("flow", "sample", "logit_normal"), learn_sigma=False)


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    config = TrainConfig(steps=10, warmup_steps=4, decay="cosine")
    factors = [learning_rate_factor(step, config) for step in range(11)]
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert factors[7] == pytest.approx(0.5)
    assert factors[10] == pytest.approx(0.0)
    assert sorted(factors[4:], reverse=True) == factors[4:]


def test_a_constant_rate_stays() -> None:
    config = TrainConfig(steps=10, warmup_steps=0, decay="constant")
    assert {learning_rate_factor(step, config) for step in range(12)} == {1.0}


@given(steps=st.integers(1, 30), batch=st.integers(1, 5), world=st.integers(1, 4), start=st.integers(0, 30))
@settings(deadline=None, max_examples=50)
def test_ranks_share_the_windows_of_a_step_and_a_resumed_run_goes_on(
    steps: int, batch: int, world: int, start: int
) -> None:
    start = min(start, steps)
    ranks = [list(StepBatches(start, steps, batch, rank, world)) for rank in range(world)]
    order = [index for step in zip(*ranks, strict=True) for share in step for index in share]
    assert order == list(range(start * batch * world, steps * batch * world))
    assert ranks[0] == list(StepBatches(0, steps, batch, 0, world))[start:]


def test_draws_depend_on_seed_step_rank_and_stream_alone() -> None:
    latents = torch.zeros(4, 2, 3, 4, 4)
    config = TrainConfig(portrait_dropout=0.5, audio_dropout=0.5)
    places = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, VALIDATION)]
    first = [draw(latents, latents[:, :2], FLOW, config, step_generator(*place)) for place in places]
    again = [draw(latents, latents[:, :2], FLOW, config, step_generator(*place)) for place in places]
    assert all(torch.equal(a.noise, b.noise) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a.timesteps, b.timesteps) for a, b in zip(first, again, strict=True))
    assert len({float(d.noise.sum()) for d in first}) == len(places)


def test_modalities_are_dropped_independently_and_as_often_as_asked() -> None:
    config = TrainConfig(portrait_dropout=0.3, audio_dropout=0.1, motion_dropout=0.0)
    d = draw(torch.zeros(40_000, 1, 1, 1, 1), torch.zeros(40_000, 0, 1, 1, 1), FLOW, config, step_generator(0, 0, 0))
    portrait, audio = 1 - d.keep_portrait.float(), 1 - d.keep_audio.float()
    assert float(portrait.mean()) == pytest.approx(0.3, abs=0.01)
    assert float(audio.mean()) == pytest.approx(0.1, abs=0.01)
    assert float((portrait * audio).mean()) == pytest.approx(0.03, abs=0.005)
    assert bool(d.keep_motion.all())


def test_the_decay_ramps_up_to_its_limit() -> None:
    assert [ramped_decay(n, 0.9999) for n in (1, 8)] == pytest.approx([2 / 11, 0.5])
    assert ramped_decay(10**6, 0.999) == 0.999


def test_averaging_equals_the_formula() -> None:
    old, new = torch.randn(5), torch.randn(5)
    averaged = old.clone()
    ramped_average(0.9)([averaged], [new], 3)
    assert torch.allclose(averaged, 4 / 13 * old + 9 / 13 * new)
