"""Which score sees which damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from lt_bench.evaluation.harness import Options
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.evaluation.sensitivity.damages import FRAME_DAMAGES
from lt_bench.evaluation.sensitivity.report import to_markdown, write_report
from lt_bench.evaluation.sensitivity.response import Report, _seen, responses
from lt_bench.evaluation.sensitivity.study import run_study

NAMES = ("psnr", "sharpness", "motion_ratio", "parameters")
RULES = Protocol(id="pixels", version=1, about="", scores=tuple(ScoreSpec(name) for name in NAMES))
SOME = tuple(damage for damage in FRAME_DAMAGES if damage.name in ("blur", "mirrored"))


@pytest.fixture
def report(painted, tmp_path: Path) -> Report:
    study = run_study(painted.folder, RULES, tmp_path, options=Options(store=tmp_path / "store"), damages=SOME)
    return responses(study)


def test_a_score_without_a_better_direction_sees_what_moves_it_either_way(report: Report, tmp_path: Path) -> None:
    seen = {(r.damage, r.score): r for r in report.responses}
    blurred = seen["blur", "sharpness"]
    assert blurred.undamaged is not None
    assert blurred.values[-1] is not None
    assert blurred.values[-1] < blurred.undamaged
    assert (blurred.seen, blurred.worse) == ("yes", 1.0)
    assert seen["blur", "psnr"].seen == "yes"
    assert {row.name: row.clips for row in report.damages} == {"blur": 4, "mirrored": 4}
    write_report(report, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {"sensitivity.json", "sensitivity.md", "sharpness.png"}


def test_scores_that_look_at_no_video_are_left_out(report: Report) -> None:
    assert report.scores == NAMES[:3]
    assert "parameters" not in to_markdown(report)


def test_a_ladder_is_seen_whole_in_part_or_not_at_all() -> None:
    psnr, ratio, sharpness = (build_metric(name) for name in ("psnr", "motion_ratio", "sharpness"))
    assert _seen(psnr, [None, 30, 25, 20], 1.0, 0.0) == "yes"
    assert _seen(psnr, [None, 30, 31, 20], 1.0, 0.0) == "partly"
    assert _seen(psnr, [40, 30, 25, 20], 0.5, 0.0) == "no"  # in half of the clips only
    assert _seen(psnr, [40, 30, 25, None], 1.0, 0.0) == "missing"
    assert _seen(ratio, [1.0, 0.8, 0.5, 0.0], 1.0, 0.0) == _seen(ratio, [1.0, 1.2, 1.5, 2.0], 1.0, 0.0) == "yes"
    assert _seen(sharpness, [0.6, 0.5, 0.4], 1.0, 0.0, worse_is=-1) == "yes"
    assert _seen(sharpness, [0.6, 0.5, 0.7], 1.0, 0.0, worse_is=1) == "partly"
