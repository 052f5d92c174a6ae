"""The Frechet distance against scipy's matrix root, closed forms and its own conventions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm

from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance, real_floor
from lt_bench.evaluation.statistics.cluster import UndefinedError


def by_sqrtm(x: np.ndarray, y: np.ndarray) -> float:
    shift = x.mean(0) - y.mean(0)
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(np.real(sqrtm(a @ b))))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(20, 60), st.integers(20, 60), st.integers(2, 12))
def test_equals_scipy_where_there_are_more_samples_than_dimensions(seed: int, n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 1
    y = rng.normal(size=(m, d)) @ rng.normal(size=(d, d))
    assert frechet_distance(x, y) == pytest.approx(by_sqrtm(x, y), rel=1e-6, abs=1e-6)


def test_fewer_samples_than_dimensions_agree_with_the_eigenvalue_form() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(10, 40)), rng.normal(size=(14, 40)) + 0.5
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ b @ root).clip(0)).sum()
    shift = x.mean(0) - y.mean(0)
    expected = shift @ shift + np.trace(a) + np.trace(b) - 2 * cross
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [5, 8, 200])
def test_identical_samples_in_any_order_are_at_zero(n: int) -> None:
    x = np.random.default_rng(n).normal(size=(n, 8)) * 30
    assert frechet_distance(x, x[::-1]) == pytest.approx(0, abs=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(3, 20))
def test_symmetric_and_unmoved_by_rotation_and_common_shift(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 6)), 2 * rng.normal(size=(n + 3, 6)) + 1
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    base = frechet_distance(x, y)
    assert frechet_distance(y, x) == pytest.approx(base, rel=1e-9)
    assert frechet_distance(x @ turn + 5, y @ turn + 5) == pytest.approx(base, rel=1e-7)


def test_closed_form_of_two_gaussians() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(100_000, 2)), 3 * rng.normal(size=(100_000, 2)) + [2, 0]
    assert frechet_distance(x, y) == pytest.approx(4 + 2 * (3 - 1) ** 2, rel=0.02)


def test_a_shift_alone_costs_its_square() -> None:
    x = np.random.default_rng(4).normal(size=(30, 5))
    assert frechet_distance(x, x + 2) == pytest.approx(20)


def test_small_samples_of_one_distribution_are_far_apart() -> None:
    rng = np.random.default_rng(5)
    few, many = (frechet_distance(*rng.normal(size=(2, n, 50))) for n in (20, 2000))
    assert few > 10 * many  # which is why N stands in the score's full name


@pytest.mark.parametrize(
    ("x", "y"), [(np.ones((1, 3)), np.ones((5, 3))), (np.ones((5, 3)), np.ones((5, 4))), (np.full((5, 3), np.nan),) * 2]
)
def test_what_has_no_distance_is_an_error(x: np.ndarray, y: np.ndarray) -> None:
    with pytest.raises(UndefinedError):
        frechet_distance(x, y)


def test_the_floor_compares_the_first_halves_of_the_videos_with_the_second() -> None:
    rng = np.random.default_rng(6)
    clips = [{"real": rng.normal(size=(10, 3)) + 100 * i} for i in range(4)]
    floor = real_floor(clips)
    assert floor is not None
    expected = frechet_distance(
        *(np.concatenate([c["real"][part] for c in clips]) for part in (slice(5), slice(5, 10)))
    )
    assert floor.value == pytest.approx(expected)
    assert "(N=20) against the second (N=20)" in floor.note
    assert floor.value < 50  # the people are the same in both halves, however much they differ
    assert real_floor([{"real": np.ones((2, 3))}]) is None
