"""A Frechet distance at N = infinity, from subsets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from lt_bench.evaluation.metrics.base import ClipContext, Features, SetMetric
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.evaluation.statistics.extrapolation import MIN_CLIPS, extrapolate, line_intercept


@dataclass(frozen=True)
class Distance(SetMetric):
    name = "distance"
    title = "for tests"
    source = "own"

    def collect(self, clip: ClipContext) -> Features:
        raise NotImplementedError

    def combine(self, collected: Sequence[Mapping[str, ndarray]]) -> float:
        return frechet_distance(*(np.concatenate([c[side] for c in collected]) for side in ("generated", "real")))


def clips(count: int, shift: float, dim: int = 16, seed: int = 0) -> list[dict[str, ndarray]]:
    rng = np.random.default_rng(seed)
    return [{"generated": rng.normal(size=(10, dim)) + shift, "real": rng.normal(size=(10, dim))} for _ in range(count)]


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_bias_of_small_sets_is_taken_out(shift: float) -> None:
    truth, infinite, plain = 16 * shift**2, [], []
    for seed in range(12):  # single sets vary; the bias is that of their mean
        collected = clips(24, shift, seed=seed)
        found = extrapolate(Distance(), collected)
        assert found is not None
        infinite.append(found.value)
        plain.append(Distance().combine(collected))
        assert found.values[-1] == pytest.approx(plain[-1])
        assert found.values[0] > found.values[-1]  # smaller sets, larger distances
    assert abs(np.mean(infinite) - truth) < abs(np.mean(plain) - truth) / 2


def test_it_does_not_depend_on_the_moment_and_needs_enough_clips() -> None:
    collected = clips(MIN_CLIPS, 0.2)
    assert extrapolate(Distance(), collected) == extrapolate(Distance(), collected)
    assert extrapolate(Distance(), collected[:-1]) is None


@settings(max_examples=50, deadline=None)
@given(st.floats(-100, 100), st.floats(-100, 100), st.integers(3, 10))
def test_a_straight_line_is_met_exactly(intercept: float, slope: float, points: int) -> None:
    x = np.linspace(0.1, 1, points)
    found, error = line_intercept(x, intercept + slope * x)
    assert found == pytest.approx(intercept, abs=1e-9)
    assert error == pytest.approx(0, abs=1e-7)
