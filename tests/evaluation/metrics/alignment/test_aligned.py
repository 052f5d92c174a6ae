"""Aligned metrics: known answers of the soft-DTW divergence, agreement with tslearn and with the frame-wise metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from lt_bench.evaluation.inputs.clip_context import ClipContext
from lt_bench.evaluation.metrics.alignment.soft_dtw import band_of, path_length, soft_dtw, soft_dtw_divergence
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.sensitivity.damages import warp
from lt_bench.perception.faces import FaceTrack
from tests.evaluation.metrics.identity.test_face_scores import changed, pictures, track

MakeClip = Callable[..., ClipContext]
FACES = ("lmd_lips", "lmd_face", "expression_distance")


def bands(a: ndarray, b: ndarray, band: int, power: int = 1) -> tuple[ndarray, ndarray, ndarray]:
    def costs(x: ndarray, y: ndarray) -> ndarray:
        return band_of(lambda i, j: np.linalg.norm(x[i] - y[j], axis=1) ** power, len(a), band)

    return costs(a, b), costs(a, a), costs(b, b)


def divergence(a: ndarray, b: ndarray, band: int = 5, gamma: float = 0.01) -> float:
    return soft_dtw_divergence(*bands(a, b, band), gamma=gamma)


def walk(seed: int, frames: int = 60, dim: int = 8) -> ndarray:
    return np.random.default_rng(seed).normal(size=(frames, dim)).cumsum(0) * 0.1


@pytest.mark.slow  # tslearn compiles its functions at the first call
@pytest.mark.parametrize("gamma", [0.01, 1.0])
def test_it_agrees_with_tslearn_without_a_band(gamma: float) -> None:
    metrics = pytest.importorskip("tslearn.metrics", reason="tslearn is not installed: pip install tslearn")
    a, b = walk(0, 12), walk(1, 12)
    between, within_a, within_b = bands(a, b, band=11, power=2)
    assert soft_dtw(between, gamma) == pytest.approx(metrics.soft_dtw(a, b, gamma=gamma), rel=1e-9)
    theirs = metrics.cdist_soft_dtw_normalized(a[None], b[None], gamma=gamma)[0, 0]
    ours = soft_dtw_divergence(between, within_a, within_b, gamma) * path_length(between)
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_equal_sequences_give_zero_and_a_band_of_zero_the_frame_wise_mean() -> None:
    a, b = walk(0), walk(1)
    assert divergence(a, a) == 0
    assert divergence(a, b, band=0) == pytest.approx(np.linalg.norm(a - b, axis=1).mean())


def test_a_shift_within_the_band_costs_little_and_a_random_order_much() -> None:
    long = walk(3, 64)
    a, shifted = long[4:], long[:-4]
    frame_wise = divergence(a, shifted, band=0)
    assert divergence(a, shifted, band=5) < 0.2 * frame_wise
    assert divergence(a, shifted, band=2) > divergence(a, shifted, band=4)
    order = np.random.default_rng(0).permutation(60)
    assert divergence(a, a[order]) > 3 * divergence(a, shifted)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 2**32 - 1), st.floats(1e-4, 2))
def test_it_is_symmetric_never_negative_and_no_more_than_frame_by_frame(
    frames: int, band: int, seed: int, gamma: float
) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(2, frames, 3))
    between, within_a, within_b = bands(a, b, band)
    value = soft_dtw_divergence(between, within_a, within_b, gamma)
    other = soft_dtw_divergence(bands(b, a, band)[0], within_b, within_a, gamma)
    assert value >= 0
    assert value == pytest.approx(other, abs=1e-9)
    # The diagonal is one of the paths, so the best one costs no more.
    assert soft_dtw(between, gamma) <= np.trace(np.linalg.norm(a[:, None] - b[None], axis=-1)) + 1e-9


@pytest.mark.parametrize(("length", "band"), [(0, 1), (3, -1)])
def test_bands_that_make_no_sense_are_refused(length: int, band: int) -> None:
    with pytest.raises(ValueError, match="expected at least 1 frame"):
        band_of(lambda i, j: i * 0.0, length, band)


def clip(clip_of: MakeClip, made: FaceTrack, real: FaceTrack) -> ClipContext:
    return clip_of(pictures(), pictures()[::-1], 0, faces=(made, real))


@pytest.mark.parametrize("name", FACES)
def test_a_band_of_zero_is_the_frame_wise_metric(clip_of: MakeClip, name: str) -> None:
    made, real = track(1), track(2)
    made = changed(made, landmarks=made.landmarks + np.random.default_rng(3).normal(size=made.landmarks.shape))
    found = clip(clip_of, made, real)
    aligned = build_metric(f"{name}_aligned", {"band": 0})
    assert aligned.score(found) == pytest.approx(build_metric(name).score(found), rel=1e-5)


def test_late_expressions_cost_less_when_aligned(clip_of: MakeClip) -> None:
    smooth = walk(5, 34, 52).astype(np.float32)
    real, late = changed(track(0), blendshapes=smooth[4:]), changed(track(0), blendshapes=smooth[:-4])
    found = clip(clip_of, late, real)
    frame_wise = build_metric("expression_distance").score(found)
    assert build_metric("expression_distance_aligned").score(found) < 0.4 * frame_wise
    assert build_metric("expression_distance_aligned").score(clip(clip_of, real, real)) == 0


def test_a_band_of_zero_is_one_minus_ssim(clip_of: MakeClip) -> None:
    found = clip_of(pictures(), pictures()[::-1].copy(), 0)
    expected = 1 - build_metric("ssim").score(found)
    assert build_metric("dssim_aligned", {"band": 0, "stride": 1}).score(found) == pytest.approx(expected)
    assert build_metric("dssim_aligned").score(clip_of(pictures(), pictures(), 0)) == 0


@pytest.mark.filterwarnings("ignore:.*deprecated since 0.13:UserWarning")
@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
def test_vectors_of_lpips_have_its_distances() -> None:
    import torch

    lpips = pytest.importorskip("lpips")
    from lt_bench.evaluation.metrics.alignment.lpips_aligned import lpips_vectors
    from lt_bench.evaluation.metrics.image.lpips import lpips_distance

    torch.manual_seed(0)
    network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
    frames = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    vectors = lpips_vectors(frames, network)
    for i, j in ((0, 1), (2, 3), (1, 1)):
        expected = lpips_distance(frames[i][None], frames[j][None], network)
        assert np.square(vectors[i] - vectors[j]).sum() == pytest.approx(expected, rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("change", [{"gamma": 0.0}, {"band": -1}])
def test_settings_that_make_no_sense_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        build_metric("expression_distance_aligned", change)


def test_a_time_warp_plays_every_frame_near_its_time() -> None:
    frames = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    shown = warp(frames, 0.1).ravel().astype(int)
    apart = shown - np.arange(100)
    assert apart.min() == 0
    assert apart.max() in (2, 3)
    assert apart[[0, 50]].tolist() == [0, 0]
