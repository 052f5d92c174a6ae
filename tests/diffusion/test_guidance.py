from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.diffusion.guidance import guidance_weights, guide, rescale, within_interval

scales = st.sampled_from([0.0, 0.5, 1.0, 1.7, 2.0, 4.0])
U, P, PA = (torch.randn(1, 2, 4, 3, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3))


@given(portrait=scales, audio=scales)
@settings(deadline=None)
def test_guidance_is_its_formula(portrait: float, audio: float) -> None:
    expected = U + portrait * (P - U) + audio * (PA - P)
    torch.testing.assert_close(guide(U, P, PA, portrait, audio), expected, rtol=1e-4, atol=1e-5)
    weights = guidance_weights(portrait, audio)
    assert weights.uncond + weights.portrait + weights.both == pytest.approx(1)
    needed = [
        prediction if w else None for prediction, w in ((U, weights.uncond), (P, weights.portrait), (PA, weights.both))
    ]
    assert torch.equal(guide(*needed, portrait, audio), guide(U, P, PA, portrait, audio))


def test_scales_of_one_are_no_guidance() -> None:
    assert guide(None, None, PA, 1.0, 1.0) is PA


def test_equal_scales_are_plain_guidance_without_the_middle_prediction() -> None:
    torch.testing.assert_close(guide(U, None, PA, 3.0, 3.0), U + 3 * (PA - U))


def test_a_learned_variance_is_not_guided() -> None:
    guided = guide(U, P, PA, 2.0, 3.0, channels=2)
    torch.testing.assert_close(guided[:, :, :2], guide(U, P, PA, 2.0, 3.0)[:, :, :2])
    assert torch.equal(guided[:, :, 2:], PA[:, :, 2:])


def test_a_needed_prediction_must_be_given() -> None:
    with pytest.raises(ValueError, match="portrait: expected a prediction"):
        guide(U, None, PA, 2.0, 3.0)


def test_rescale_is_that_of_the_diffusers_library() -> None:
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

    both, guided = (torch.cat([x, 3 * x + 1]) for x in (PA, U + 4 * (PA - U)))
    for share in (0.0, 0.3, 1.0):
        torch.testing.assert_close(rescale(guided, both, share), rescale_noise_cfg(guided, both, share))
    deviations = [x.flatten(1).std(1) for x in (rescale(guided, both, 1.0), both)]
    torch.testing.assert_close(*deviations)


def test_windows_are_rescaled_each_by_its_own_deviation() -> None:
    both, guided = torch.randn(2, 2, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    apart = [rescale(guided[k : k + 1], 2 * both[k : k + 1], 0.7) for k in range(2)]
    torch.testing.assert_close(rescale(guided, 2 * both, 0.7), torch.cat(apart))


def test_rescale_leaves_a_learned_variance_alone() -> None:
    out = guide(U, None, PA, 3.0, 3.0, channels=2, rescale_share=1.0)
    torch.testing.assert_close(out[:, :, :2], rescale((U + 3 * (PA - U))[:, :, :2], PA[:, :, :2], 1.0))
    assert torch.equal(out[:, :, 2:], PA[:, :, 2:])
    with pytest.raises(ValueError, match="both: expected a prediction to rescale to"):
        guide(U, P, None, 2.0, 0.0, rescale_share=0.5)


def test_the_interval_leaves_its_lower_end_out_but_for_zero() -> None:
    assert within_interval(0.0, (0.0, 1.0))  # DDPM's last step
    inside = [t for t in (0.0, 200.0, 201.0, 700.0, 701.0, 1000.0) if within_interval(t, (0.2, 0.7))]
    assert inside == [201.0, 700.0]
    assert within_interval(1000.0, (0.0, 1.0))


@pytest.mark.parametrize("scales", [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (1.0, 3.0)])
def test_a_whole_rescale_gives_the_deviation_of_both_at_every_scale(scales: tuple[float, float]) -> None:
    both = 0.2 * PA
    guided = guide(U, P, both, *scales, rescale_share=1.0)
    assert float(guided.std()) == pytest.approx(float(both.std()), rel=1e-4)


def test_a_variance_of_the_fullest_prediction_stays_when_only_the_rest_is_rescaled() -> None:
    guided = guide(U, None, PA, 0.0, 0.0, channels=2, rescale_share=0.5)
    assert torch.equal(guided[:, :, 2:], PA[:, :, 2:])
