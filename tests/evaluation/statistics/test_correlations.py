"""Correlations: against scipy, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt_bench.evaluation.statistics.cluster import UndefinedError, pearson, spearman

NUMBERS = st.lists(st.floats(-100, 100, allow_nan=False, width=32), min_size=3, max_size=30)


@settings(deadline=None, max_examples=60)
@given(NUMBERS, st.integers(0, 2**31))
def test_correlations_equal_scipy(x: list[float], seed: int) -> None:
    a = np.array(x, float)
    b = np.random.default_rng(seed).normal(size=len(a)) + 0.3 * a
    if np.ptp(a) < 1e-3:
        return
    assert pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=1e-9)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        ([1.0, 1.0, 1.0], [1.0, 2.0, 3.0], "constant"),
        ([0.1] * 7, [0.0, 1, 2, 3, 4, 5, 6], "constant"),  # 0.1 has no exact mean: rounding must not pass for variation
        ([1.0, np.nan, 3.0], [1.0, 2.0, 3.0], "finite"),
        ([1.0], [1.0], "length"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "length"),
    ],
)
def test_a_correlation_that_does_not_exist_is_an_error_not_zero(x: list[float], y: list[float], says: str) -> None:
    with pytest.raises(UndefinedError, match=says):
        pearson(np.array(x), np.array(y))


def test_two_values_correlate_wholly_and_rounding_never_passes_one() -> None:
    assert pearson(np.array([1.0, 2.0]), np.array([5.0, 3.0])) == pytest.approx(-1)
    rng = np.random.default_rng(0)
    for _ in range(300):
        x = rng.normal(size=7)
        assert 1 - 1e-12 < pearson(x, 3 * x + 1) <= 1
        assert -1 <= pearson(x, -3 * x) < -1 + 1e-12


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_a_constant_is_one_at_any_scale_and_small_variation_is_variation(size: float) -> None:
    varying = np.array([1.0, 2.0, 4.0, 3.0])
    with pytest.raises(UndefinedError, match=r"^correlation: expected two varying series, got a constant one$"):
        pearson(np.full(4, size / 3), varying)
    assert pearson(size * varying, varying / size) == pytest.approx(1)
    assert pearson(size * (1 + 1e-6 * varying), varying) == pytest.approx(1, abs=1e-4)


def test_ranks_of_what_is_not_finite_are_an_error() -> None:
    for x, y in (([1.0, np.nan], [1.0, 2.0]), ([1.0, 2.0], [np.inf, 1.0])):
        with pytest.raises(UndefinedError, match=r"^correlation: expected finite numbers, got others$"):
            spearman(np.array(x), np.array(y))


def test_spearman_of_a_constant_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="constant"):
        spearman(np.ones(4), np.arange(4.0))
