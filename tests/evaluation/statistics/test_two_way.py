"""Two random factors: closed forms, and coverage on data drawn as the model says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lt_bench.evaluation.statistics.cluster import UndefinedError
from lt_bench.evaluation.statistics.two_way import two_way_mean

PEOPLE = [f"p{k}" for k in range(12)]


def test_numbers_that_differ_by_seed_only_are_a_t_test_over_seeds():
    by_seed = np.array([0.1, 0.4, 0.2, 0.5, 0.3])
    found = two_way_mean(np.repeat(by_seed[:, None], 12, axis=1), PEOPLE)
    outside = stats.ttest_1samp(by_seed, 0.0)
    assert found.degrees == 4
    assert found.p_value == pytest.approx(outside.pvalue)
    assert (found.low, found.high) == pytest.approx(outside.confidence_interval(0.95))


def test_one_number_a_seed_is_the_same_test():
    by_seed = np.array([[0.1], [0.4], [0.2]])
    outside = stats.ttest_1samp(by_seed[:, 0], 0.0)
    assert two_way_mean(by_seed, ["all"]).p_value == pytest.approx(outside.pvalue)


def test_numbers_that_differ_by_person_only_have_the_error_of_a_mean_over_people():
    by_person = np.random.default_rng(0).normal(size=12)
    found = two_way_mean(np.repeat(by_person[None], 5, axis=0), PEOPLE)
    assert found.error == pytest.approx(by_person.std(ddof=1) / np.sqrt(12))
    assert found.degrees == 4


def test_clips_of_one_person_are_one_cluster():
    values = np.random.default_rng(1).normal(size=(5, 6))
    twice = two_way_mean(np.repeat(values, 2, axis=1), [name for name in PEOPLE[:6] for _ in range(2)])
    assert twice.error == pytest.approx(two_way_mean(values, PEOPLE[:6]).error)


@pytest.mark.parametrize(("seeds", "people"), [(2, 2), (4, 2), (5, 3), (3, 9)])
def test_the_error_is_that_of_two_way_clusters_by_hand(seeds, people):
    rng = np.random.default_rng(seeds)
    values = 2 + rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 1, (1, people)) + rng.normal(0, 1, (seeds, people))
    gaps, count = values - values.mean(), values.size
    parts = [gaps.sum(axis=1), gaps.sum(axis=0), gaps.ravel()]
    by_seed, by_person, by_both = (len(s) / (len(s) - 1) * (s @ s) / count**2 for s in parts)
    found = two_way_mean(values, [str(k) for k in range(people)])
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(np.sqrt(max(by_seed, by_person, by_seed + by_person - by_both)))
    assert found.degrees == min(seeds, people) - 1
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.value) / found.error, found.degrees))


def test_zeros_alone_are_zero():
    found = two_way_mean(np.zeros((2, 4)), PEOPLE[:4])
    assert (found.value, found.low, found.high, found.error, found.p_value) == (0.0, 0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("value", [0.1, 0.5, 1.0, -1 / 3])
def test_numbers_that_never_vary_are_no_proof(value):
    with pytest.raises(UndefinedError, match="expected numbers that vary"):
        two_way_mean(np.full((3, 7), value), PEOPLE[:7])


def test_a_mean_of_nothing_is_found_as_seldom_as_is_said():
    rng = np.random.default_rng(2)
    wrong = 0
    for _ in range(400):
        values = rng.normal(0, 0.5, (5, 1)) + rng.normal(0, 0.5, (1, 12)) + rng.normal(0, 0.3, (5, 12))
        wrong += two_way_mean(values, PEOPLE).p_value < 0.05
    assert 0.005 < wrong / 400 < 0.08


def test_what_is_detectable_is_detected_that_often():
    rng = np.random.default_rng(3)
    draws = [rng.normal(0, 0.5, (5, 1)) + rng.normal(0, 0.1, (1, 12)) + rng.normal(0, 0.1, (5, 12)) for _ in range(400)]
    size = np.median([two_way_mean(values, PEOPLE).detectable for values in draws])
    found = np.mean([two_way_mean(values + size, PEOPLE).p_value < 0.05 for values in draws])
    assert 0.65 < found < 0.95


def test_one_seed_says_nothing_of_seeds():
    with pytest.raises(UndefinedError, match="at least 2 seeds"):
        two_way_mean(np.zeros((1, 12)), PEOPLE)
    with pytest.raises(UndefinedError, match="finite"):
        two_way_mean(np.full((2, 12), np.nan), PEOPLE)
