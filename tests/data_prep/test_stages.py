"""The one list of stages: its order decides what runs, and every reader follows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_prep.datasets.jobs import VideoJob
from data_prep.extraction.extractor import FilmCutter, Refused
from data_prep.reporting.frame_costs import measure_costs
from data_prep.reporting.status import REJECTED, ClipState, Status
from data_prep.resolved import resolve_auto
from data_prep.stages import PIPELINE, REJECTION_RULES, STAGES, Rule, Scope, Stage, last, ordered, stage_of
from lt_bench.config import CropConfig, DataConfig, QualityConfig


def test_a_stage_before_its_input_is_refused():
    early, late = Stage("early", "", Scope.CLIP), Stage("late", "", Scope.CLIP, inputs=("early",))
    assert ordered(early, late) == (early, late)
    with pytest.raises(ValueError, match="stage late: expected its input early at an earlier stage"):
        ordered(late, early)


@pytest.mark.parametrize("second", [Stage("one", "", Scope.CLIP), Stage("two", "", Scope.CLIP, (), (Rule("r", ""),))])
def test_names_of_stages_and_rules_are_unique(second: Stage):
    with pytest.raises(ValueError, match="expected new names"):
        ordered(Stage("one", "", Scope.CLIP, (), (Rule("r", ""),)), second)


def test_each_rule_belongs_to_the_stage_that_lists_it():
    assert {name: stage_of(name).name for name in ("unlisted", "blur", "duplicate")} == {
        "unlisted": "list",
        "blur": "quality",
        "duplicate": "index",
    }
    assert len(REJECTION_RULES) == sum(len(stage.rules) for stage in PIPELINE)
    assert (last(Scope.SOURCE).name, last(Scope.CLIP).name) == ("fetch", "encode")


def test_the_status_has_a_row_for_every_stage_in_order():
    clips = (ClipState("a", "a", REJECTED, "faces"), ClipState("b", "b", "whole", "index"))
    rows = Status(clips, complete=True, verified=False).stages()
    assert [row["stage"] for row in rows] == list(STAGES)
    passed = {row["stage"]: row["passed"] for row in rows}
    assert (passed["audio"], passed["faces"], passed["statistics"], passed["verify"]) == (2, 1, 1, 0)


@pytest.mark.parametrize("order", [("split", "audio", "faces"), ("faces", "split", "audio")])
def test_the_extractor_runs_the_stages_in_the_order_of_the_list(mirror: Path, order: tuple[str, ...]):
    job = VideoJob("a", "a", "train", "clip", mirror / "grid-sample" / "sbia1a.mpg", "a.mpg")
    quality = QualityConfig(min_speech_share=1.0, min_face_pixels=1e4, max_person_distance=None, max_offset=None)
    stages = tuple(dataclasses.replace(STAGES[name], inputs=()) for name in order)
    seen: list[str] = []

    @contextmanager
    def watch(stage: Stage) -> Iterator[None]:
        seen.append(stage.name)
        yield

    cutter = FilmCutter(64, CropConfig(), quality, watch, stages)
    (clip,) = cutter.clips(job)
    cutter.close()
    assert isinstance(clip, Refused)
    first = next(name for name in order if name in ("audio", "faces"))
    assert clip.rejected.rule == {"audio": "no_speech", "faces": "small_face"}[first]
    assert seen[2:] == list(order[: order.index(first) + 1])


def test_the_costs_are_those_of_the_stages_that_run_whatever_the_limits(mirror: Path, tmp_path: Path):
    strict = QualityConfig(min_speech_share=1.0, min_face_pixels=1e4, max_person_distance=None, max_offset=None)
    config = DataConfig(dataset="grid-sample", cache=str(tmp_path), resolution=64, codec="dct", quality=strict)
    job = VideoJob("a", "a", "train", "clip", mirror / "grid-sample" / "sbia1a.mpg", "a.mpg")
    costs = measure_costs(resolve_auto(config), [job])
    assert costs.sample == "a.mpg"
    assert costs.seconds.keys() == {stage.cost for stage in PIPELINE if stage.cost} | {"decode", "export"}
    assert all(seconds > 0 for seconds in costs.seconds.values())
