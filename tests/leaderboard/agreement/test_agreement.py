"""Agreement with human ratings; every rating here is made up for the test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from lt_bench.cli.main import main
from lt_bench.errors import ConfigError, ResultError
from lt_bench.leaderboard.agreement.metric_agreement import goodness, metric_agreement
from lt_bench.leaderboard.agreement.ratings import Ratings, read_ratings
from tests.leaderboard.conftest import CLIPS, fake_result

A, B = fake_result("a-direct", 0.9), fake_result("b-direct", 0.5, seed=1)


def opinions(metric: str, noise: float = 0.0, sign: float = 1.0) -> Ratings:
    """Ratings that follow a metric, with noise."""
    rng = np.random.default_rng(0)
    values = {(r.system, clip): v for r in (A, B) for clip, v in goodness(r.scores[metric]).items()}
    return Ratings({key: sign * value + noise * rng.normal() for key, value in values.items()}, (), 1, {})


def of(name: str, ratings: Ratings):
    return next(row for row in metric_agreement([A, B], ratings, resamples=50).metrics if row.metric == name)


def test_a_metric_that_people_follow_agrees_fully_and_its_opposite_not_at_all() -> None:
    for metric in ("lip_corr", "mouth_error", "head_motion"):  # larger, smaller, and nearer to a target is better
        same, opposite = of(metric, opinions(metric)), of(metric, opinions(metric, sign=-1))
        for row, rank, share in ((same, 1, 1), (opposite, -1, 0)):
            assert (row.spearman.value, row.kendall.value) == pytest.approx((rank, rank))
            assert row.pairwise_accuracy.value == share
            assert (row.spearman.count, row.pairwise_accuracy.count) == (2 * len(CLIPS), len(CLIPS))


def test_coefficients_are_scipys_and_intervals_hold_them() -> None:
    ratings = opinions("lip_corr", noise=0.2)
    row = of("lip_corr", ratings)
    x = [
        r.scores["lip_corr"].per_video[clip]
        for (system, clip) in ratings.opinions
        for r in (A, B)
        if r.system == system
    ]
    y = list(ratings.opinions.values())
    assert row.spearman.value == pytest.approx(spearmanr(x, y).statistic)
    assert row.kendall.value == pytest.approx(kendalltau(x, y).statistic)
    assert row.spearman.interval.low < row.spearman.value < row.spearman.interval.high
    assert row.spearman.interval.clusters == len(CLIPS)


def test_a_metric_without_values_of_single_videos_is_missing_with_the_reason() -> None:
    row = of("fd_squeezenet", opinions("lip_corr"))
    assert (row.spearman, row.kendall, row.pairwise_accuracy) == (None, None, None)
    assert row.missing == "the metric has no value per video"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_preferences_are_votes_by_pair_and_inattentive_raters_are_left_out(tmp_path: Path) -> None:
    rows = ["clip,system_a,system_b,preferred,rater,check"]
    for clip in CLIPS:
        rows += [f"{clip.id},a-direct,b-direct,a-direct,anna,", f"{clip.id},b-direct,a-direct,a-direct,ben,"]
        rows += [f"{clip.id},a-direct,b-direct,b-direct,eve,"]
    rows += ["x,reference,damaged,damaged,eve,1", "x,damaged,reference,reference,anna,1"]
    ratings = read_ratings(write(tmp_path / "r.csv", "\n".join(rows)))
    assert (ratings.raters, list(ratings.left_out)) == (2, ["eve"])
    found = metric_agreement([A, B], ratings, resamples=50)
    row = next(row for row in found.metrics if row.metric == "lip_corr")
    assert row.pairwise_accuracy.value == 1
    assert row.pairwise_accuracy.count == len(CLIPS)
    assert row.spearman is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clip,score\nx,1\n", "expected the columns system,clip,rating or clip,system_a"),
        ("system,clip,rating\n", "expected at least one row"),
        ("system,clip,rating\na,x,good\n", "line 2: rating: expected a number, got 'good'"),
        ("system,clip,rating\na,x,nan\n", "line 2: rating: expected a number, got 'nan'"),
        ("clip,system_a,system_b,preferred\nx,a,b,c\n", "line 2: preferred: expected a, b or tie, got 'c'"),
    ],
)
def test_unusable_files_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_ratings(write(tmp_path / "r.csv", text))
    with pytest.raises(ConfigError, match="expected a readable CSV file"):
        read_ratings(tmp_path / "none.csv")


def test_ratings_of_other_videos_are_refused_and_single_ones_listed() -> None:
    with pytest.raises(ResultError, match="expected videos of these results"):
        metric_agreement([A, B], Ratings({("z", "z"): 1.0}, (), 1, {}))
    ratings = opinions("lip_corr")
    ratings.opinions["a-direct", "elsewhere"] = 1.0
    assert metric_agreement([A, B], ratings, resamples=50).unmatched == ("a-direct/elsewhere",)
    with pytest.raises(ResultError, match="one result per system name"):
        metric_agreement([A, A], ratings)


def test_the_command_prints_a_table_and_writes_json(tmp_path: Path, write_results, capsys) -> None:
    paths = [str(path) for path in write_results(A, B)]
    rows = [f"{system},{clip},{value}" for (system, clip), value in opinions("lip_corr").opinions.items()]
    ratings = write(tmp_path / "r.csv", "system,clip,rating\n" + "\n".join(rows))
    out = tmp_path / "agreement.json"
    assert main(["agreement", *paths, "--ratings", str(ratings), "--out", str(out)]) == 0
    assert "1.000" in capsys.readouterr().out
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["metrics"][0]["spearman"]["value"] == pytest.approx(1)
    assert main(["agreement", *paths, "--ratings", str(tmp_path / "none.csv")]) == 2
