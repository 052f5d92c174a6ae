from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.config import DiffusionConfig, TrainConfig
from lt_bench.diffusion.objective import Objective
from lt_bench.errors import ConfigError
from lt_bench.training.batch_sampler import Share, StepBatches, check_shares
from lt_bench.training.callbacks.averaging import ramped_decay
from lt_bench.training.hardware import check_precision
from lt_bench.training.learning_rate import learning_rate_factor
from lt_bench.training.randomness import TRAINING, VALIDATION, Draws, draw, window_generator

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


@given(
    steps=st.integers(1, 9),
    micro=st.integers(1, 3),
    world=st.integers(1, 4),
    accumulate=st.integers(1, 3),
    start=st.integers(0, 9),
)
@settings(deadline=None, max_examples=50)
def test_every_step_has_the_same_windows_however_they_are_shared_out(
    steps: int, micro: int, world: int, accumulate: int, start: int
) -> None:
    start, batch = min(start, steps), micro * world * accumulate
    ranks = [list(StepBatches(start, steps, Share(batch, world, rank, accumulate))) for rank in range(world)]
    order = [index for part in zip(*ranks, strict=True) for share in part for index in share]
    assert order == list(range(start * batch, steps * batch))
    assert ranks[0] == list(StepBatches(0, steps, Share(batch, world, 0, accumulate)))[start * accumulate :]
    assert {len(share) for share in ranks[0]} <= {micro}


def test_a_batch_that_cannot_be_shared_out_is_refused_by_key() -> None:
    check_shares(TrainConfig(batch_size=12, devices=2, nodes=3, accumulate=2))
    with pytest.raises(ConfigError, match=r"train\.batch_size: expected a multiple of .* = 12, got 8"):
        check_shares(TrainConfig(batch_size=8, devices=2, nodes=3, accumulate=2))
    with pytest.raises(ConfigError, match=r"train\.nodes: expected at least 1, got 0"):
        check_shares(TrainConfig(nodes=0))


def _draw(seed: int, windows: range, stream: int = TRAINING) -> Draws:
    latents = torch.zeros(len(windows), 2, 3, 4, 4)
    config = TrainConfig(portrait_dropout=0.5, audio_dropout=0.5, motion_noise=0.5)
    return draw(latents, latents[:, :1], FLOW, config, [window_generator(seed, index, stream) for index in windows])


def test_draws_depend_on_seed_window_and_stream_alone() -> None:
    whole, first, second = (_draw(0, windows) for windows in (range(4), range(2), range(2, 4)))
    for name in vars(whole):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(first, name), getattr(second, name)])), name
    others = [_draw(0, range(1)), _draw(1, range(1)), _draw(0, range(1, 2)), _draw(0, range(1), VALIDATION)]
    assert len({float(d.noise.sum()) for d in others}) == len(others)


def test_modalities_are_dropped_independently_and_as_often_as_asked() -> None:
    config = TrainConfig(portrait_dropout=0.3, audio_dropout=0.1, motion_dropout=0.0)
    d = draw(
        torch.zeros(5_000, 1, 1, 1, 1),
        torch.zeros(5_000, 0, 1, 1, 1),
        FLOW,
        config,
        [window_generator(0, i) for i in range(5_000)],
    )
    portrait, audio = 1 - d.keep_portrait.float(), 1 - d.keep_audio.float()
    assert float(portrait.mean()) == pytest.approx(0.3, abs=0.02)
    assert float(audio.mean()) == pytest.approx(0.1, abs=0.02)
    assert float((portrait * audio).mean()) == pytest.approx(0.03, abs=0.01)
    assert bool(d.keep_motion.all())


def test_the_decay_ramps_up_to_its_limit() -> None:
    assert [ramped_decay(n, 0.9999) for n in (1, 8)] == pytest.approx([2 / 11, 0.5])
    assert ramped_decay(10**6, 0.999) == 0.999


def test_bf16_is_refused_on_a_gpu_that_would_only_emulate_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: including_emulation)
    check_precision(TrainConfig(precision="bf16"), cuda=False)
    check_precision(TrainConfig(precision="fp32"), cuda=True)
    with pytest.raises(ConfigError, match=r"train\.precision: expected fp32"):
        check_precision(TrainConfig(precision="bf16"), cuda=True)
