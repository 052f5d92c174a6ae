"""Cluster statistics: known answers, properties, and how often the intervals hold what they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lt_bench.evaluation.statistics.cluster import (
    EXACT_CLUSTERS,
    FEW_CLUSTERS,
    MAX_FLIPS,
    RESAMPLES,
    UndefinedError,
    _expanded_tail,
    aggregate,
    cluster_bootstrap,
    holm,
    jackknife_interval,
    paired_difference,
)

NUMBERS = st.lists(st.floats(-100, 100, allow_nan=False, width=32), min_size=12, max_size=30)


def test_aggregate_refuses_what_has_no_mean() -> None:
    assert aggregate([1.0, 2.0, 6.0]) == 3
    assert aggregate([1.0, 2.0, 6.0], "median") == 2
    for bad in ([], [1.0, float("inf")]):
        with pytest.raises(UndefinedError, match=r"^mean: expected at least one finite number, got [02] values"):
            aggregate(bad)


@settings(deadline=None, max_examples=40)
@given(NUMBERS, st.integers(FEW_CLUSTERS, 12), st.sampled_from(["mean", "median"]))
def test_the_interval_stays_in_the_range_and_repeats(x: list[float], clusters: int, statistic: str) -> None:
    names = [f"c{i % clusters}" for i in range(len(x))]
    found = cluster_bootstrap(x, names, statistic, resamples=200)
    assert found is not None
    assert found.clusters == min(clusters, len(x))
    assert min(x) - 1e-6 <= found.low <= found.high <= max(x) + 1e-6
    assert cluster_bootstrap(x, names, statistic, resamples=200) == found
    shifted = cluster_bootstrap([v + 10 for v in x], names, statistic, resamples=200)
    assert shifted is not None
    assert shifted.low == pytest.approx(found.low + 10, abs=1e-4)


def test_the_interval_is_of_the_statistic_asked_for_and_says_what_it_is() -> None:
    values, names = [*range(10), 1000.0], [f"c{k}" for k in range(11)]
    mean, median = (cluster_bootstrap(values, names, statistic, level=0.9) for statistic in ("mean", "median"))
    assert mean is not None
    assert median is not None
    assert median.high < 20 < 100 < mean.high
    assert (mean.level, mean.method, mean.clusters, mean.resamples) == (0.9, "cluster bootstrap", 11, RESAMPLES)
    assert mean == cluster_bootstrap(values, names, level=0.9, seed=0) != cluster_bootstrap(values, names, seed=1)


@pytest.mark.parametrize("clusters", range(2, FEW_CLUSTERS))
def test_the_interval_of_few_clusters_is_students_t_over_them(clusters: int) -> None:
    x = np.random.default_rng(clusters).normal(3, 1, clusters)
    low, high = stats.t.interval(0.9, clusters - 1, loc=x.mean(), scale=stats.sem(x))
    names = [f"c{k}" for k in range(clusters)]
    once = cluster_bootstrap(x, names, level=0.9)
    thrice = cluster_bootstrap(np.repeat(x, 3), list(np.repeat(names, 3)), level=0.9)
    assert once is not None
    assert thrice is not None
    assert (once.low, once.high) == pytest.approx((low, high)) == (thrice.low, thrice.high)
    assert (once.level, once.method, once.clusters, once.resamples) == (0.9, "cluster t", clusters, 0)


def test_few_clusters_of_unlike_size_weigh_by_their_videos() -> None:
    # Clusters 0, 0, 0 | 4 | 8, 8: the mean is 20 / 6, the sums of residuals -10, 2/3, 28/3.
    found = cluster_bootstrap([0.0, 0, 0, 4, 8, 8], list("aaabcc"))
    error = np.sqrt(3 / 2 * (10**2 + (2 / 3) ** 2 + (28 / 3) ** 2)) / 6
    assert found is not None
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 2, loc=20 / 6, scale=error))


def test_few_clusters_that_agree_and_their_median_give_no_interval() -> None:
    few, enough = ([f"c{k}" for k in range(count)] for count in (FEW_CLUSTERS - 1, FEW_CLUSTERS))
    assert cluster_bootstrap(np.full(len(few), 0.1), few) is None
    assert cluster_bootstrap(np.arange(len(few)), few, "median") is None
    assert cluster_bootstrap(np.arange(len(enough)), enough, "median") is not None
    agreed = cluster_bootstrap(np.ones(len(enough)), enough)
    assert agreed is not None
    assert (agreed.low, agreed.high) == (1, 1)  # none was seen to differ, no more


def test_one_cluster_gives_no_interval() -> None:
    assert cluster_bootstrap([1.0, 2.0, 3.0], ["a"] * 3) is None
    assert paired_difference([1.0, 2.0], [0.0, 0.0], ["a", "a"]).interval is None


def test_equal_values_within_clusters_add_no_certainty() -> None:
    rng = np.random.default_rng(0)
    per_cluster = rng.normal(size=12)
    names = [f"c{i}" for i in range(12)]
    once = cluster_bootstrap(per_cluster, names)
    tenfold = cluster_bootstrap(np.repeat(per_cluster, 10), list(np.repeat(names, 10)))
    by_video = cluster_bootstrap(np.repeat(per_cluster, 10), [str(i) for i in range(120)])
    assert once is not None
    assert tenfold is not None
    assert by_video is not None
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert by_video.high - by_video.low < 0.5 * (once.high - once.low)  # what wrongly counting videos would claim


@pytest.mark.parametrize("clusters", [3, 5, 12, 30])
def test_coverage_of_the_interval_on_simulated_identities(clusters: int) -> None:
    rng, trials, videos = np.random.default_rng(clusters), 400, 3
    names = [f"c{i}" for i in range(clusters) for _ in range(videos)]
    hits = 0
    for trial in range(trials):
        values = np.repeat(rng.normal(size=clusters), videos) + 0.3 * rng.normal(size=clusters * videos)
        found = cluster_bootstrap(values, names, resamples=500, seed=trial)
        assert found is not None
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / trials <= 0.985  # a bootstrap: 0.75 with 3, 0.91 with 5


def test_coverage_of_the_jackknife_interval() -> None:
    rng, trials, hits = np.random.default_rng(1), 400, 0
    for _ in range(trials):
        x = rng.normal(size=10)
        found = jackknife_interval(float(x.mean()), [float(np.delete(x, i).mean()) for i in range(10)])
        assert found is not None
        hits += found.low <= 0 <= found.high
    assert 0.92 <= hits / trials <= 0.98
    assert jackknife_interval(1.0, [1.0, 2.0]) is None


def test_the_jackknife_of_a_mean_is_its_t_interval() -> None:
    x = np.array([1.0, 4.0, 2.0, 8.0, 5.0])
    found = jackknife_interval(float(x.mean()), [float(np.delete(x, i).mean()) for i in range(5)])
    low, high = stats.t.interval(0.95, 4, loc=x.mean(), scale=stats.sem(x))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high))


def test_three_groups_have_a_jackknife_interval_that_says_what_it_is() -> None:
    found = jackknife_interval(2.0, [1.0, 2.0, 3.0], level=0.9)
    assert found is not None
    assert (found.level, found.method, found.clusters, found.resamples) == (0.9, "cluster jackknife", 3, 3)
    assert (found.low + found.high) / 2 == pytest.approx(2.0)
    assert found == jackknife_interval(2.0, [1, 2, 3], level=0.9)


@pytest.mark.parametrize("clusters", [2, 3, 12])
def test_the_percentile_is_widened_to_students_t(clusters: int) -> None:
    outside = stats.norm.cdf(np.sqrt(clusters / (clusters - 1)) * stats.t.ppf(0.025, clusters - 1))
    assert _expanded_tail(clusters, 0.95) == pytest.approx(outside)


@pytest.mark.parametrize("size", [0.35, 0.9])
def test_drawn_sign_flips_estimate_the_enumerated_p_value(size: float) -> None:
    gap = np.random.default_rng(5).normal(size, 1, 14)
    signs = 1 - 2 * ((np.arange(2**14)[:, None] >> np.arange(14)) & 1)
    exact = np.mean(np.abs(signs @ gap) >= abs(gap.sum()) - 1e-12)
    drawn = [paired_difference(gap, np.zeros(14), list("abcdefghijklmn"), seed=seed).p_value for seed in range(40)]
    # Draws stop after so many hits that one estimate is within about a fifth of the truth.
    assert np.mean(drawn) == pytest.approx(exact, rel=0.15)
    assert np.std(drawn) < 0.4 * exact
    assert len(set(drawn)) > 10


def test_the_least_p_value_of_drawn_flips_is_one_of_all_draws() -> None:
    # Two of 2^30 flips are as extreme: none is drawn.
    found = paired_difference(np.ones(30), np.zeros(30), [f"c{k}" for k in range(30)])
    assert found.p_value == 1 / (1 + MAX_FLIPS)


def test_the_seed_is_zero_where_none_is_given() -> None:
    gap, names = np.random.default_rng(0).normal(size=20), [f"c{k}" for k in range(20)]
    found = [paired_difference(gap, np.zeros(20), names, **more) for more in ({}, {"seed": 0}, {"seed": 1})]
    assert found[0] == found[1]
    assert found[0].interval != found[2].interval


def test_whole_numbers_are_compared_as_numbers() -> None:
    found = paired_difference([True, True, False], [False, False, False], list("abc"))  # two of three right
    assert found.value == pytest.approx(2 / 3)
    assert aggregate([True, False]) == 0.5


@pytest.mark.parametrize("clusters", [2, 3, 5, FEW_CLUSTERS - 1])
def test_the_p_value_of_few_clusters_is_students_t_and_agrees_with_the_interval(clusters: int) -> None:
    names = [f"c{k}" for k in range(clusters)]
    for seed in range(20):
        gap = np.random.default_rng(seed).normal(0.8, 1, clusters)
        found = paired_difference(gap, np.zeros(clusters), names)
        assert found.p_value == pytest.approx(stats.ttest_1samp(gap, 0).pvalue)
        edge = paired_difference(gap, np.zeros(clusters), names, level=1 - found.p_value).interval
        assert edge is not None
        assert min(abs(edge.low), abs(edge.high)) == pytest.approx(0, abs=1e-6)


def test_few_clusters_that_agree_are_tested_by_sign_flips() -> None:
    found = paired_difference(np.full(3, 0.1), np.zeros(3), list("abc"))
    assert (found.interval, found.p_value) == (None, 2 / 2**3)
    assert paired_difference(np.ones(3), np.ones(3), list("abc")).p_value == 1


def test_sign_flip_p_values_are_exact_for_few_clusters() -> None:
    most = [f"c{k}" for k in range(EXACT_CLUSTERS)]
    assert paired_difference(np.ones(len(most)), np.zeros(len(most)), most).p_value == 2 / 2**EXACT_CLUSTERS
    names = list("abcdefgh")
    assert paired_difference(np.ones(8), np.zeros(8), names).p_value == pytest.approx(2 / 2**8)
    same = paired_difference(np.ones(8), np.ones(8), names)
    assert (same.value, same.p_value) == (0.0, 1.0)


def test_a_clear_difference_survives_the_correction_of_a_table_of_many_systems() -> None:
    rng, names = np.random.default_rng(0), [f"c{k}" for k in range(40)]
    clear = paired_difference(1 + 0.3 * rng.normal(size=40), np.zeros(40), names)
    assert holm([clear.p_value] + [1.0] * 1000)[0] < 0.05
    none = paired_difference(rng.normal(size=40), rng.normal(size=40), names)
    assert none.p_value > 0.05


def test_paired_differences_are_antisymmetric() -> None:
    rng = np.random.default_rng(2)
    a, b, names = rng.normal(size=40), rng.normal(size=40), [f"c{i // 2}" for i in range(40)]
    forth, back = paired_difference(a, b, names), paired_difference(b, a, names)
    assert forth.value == pytest.approx(-back.value)
    assert forth.p_value == back.p_value


@pytest.mark.parametrize("clusters", [8, 20])
def test_the_sign_flip_test_errs_no_more_often_than_it_says(clusters: int) -> None:
    rng, trials = np.random.default_rng(clusters), 400
    names = [f"c{i // 2}" for i in range(2 * clusters)]
    rejected = 0
    for trial in range(trials):
        gap = np.repeat(rng.normal(size=clusters), 2) + 0.2 * rng.normal(size=2 * clusters)
        rejected += paired_difference(gap, np.zeros_like(gap), names, resamples=300, seed=trial).p_value <= 0.05
    assert rejected / trials <= 0.08


def test_holm_known_answer() -> None:
    # Holm 1979's procedure by hand: 0.01*4, 0.02*3, 0.03*2, 0.04*1, made monotone.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []
    with pytest.raises(UndefinedError, match="p-values"):
        holm([0.5, 1.5])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(a >= q for a, q in zip(adjusted, p, strict=True))
    assert all(a <= min(1.0, q * len(p)) + 1e-12 for a, q in zip(adjusted, p, strict=True))
    order = np.argsort(p, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


def test_clusters_must_fit_the_values() -> None:
    with pytest.raises(UndefinedError, match="clusters"):
        cluster_bootstrap([1.0, 2.0], ["a"])
    with pytest.raises(UndefinedError, match="paired"):
        paired_difference([1.0], [1.0, 2.0], ["a"])
