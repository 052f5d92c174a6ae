"""What a grid costs: from finished models, from timed steps, and how it adds up side by side."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.ablation.grid_costs import kind, recorded_costs
from lt_bench.ablation.grid_duration import Load, wall_time
from lt_bench.ablation.grid_plan import plan_jobs
from lt_bench.ablation.step_timing import _at, _StepTimer
from lt_bench.cli.commands.ablate.plan_table import total_lines
from lt_bench.jobs.job_status import Status

DONE = Status(state="done", seconds={"training": 100.0, "generating": 20.0, "scoring": 10.0})


def test_models_side_by_side_take_what_the_fullest_worker_takes():
    loads = [Load(10.0, 2.0), Load(10.0, 2.0), Load(10.0, 2.0)]
    assert wall_time(loads, 1) == 36.0
    assert wall_time(loads, 2) == 24.0
    assert wall_time(loads, 5) == 12.0
    assert wall_time([], 3) == 0.0


def test_those_that_share_a_training_begin_when_it_is_over():
    loads = [Load(10.0, 2.0), Load(0.0, 2.0, 0), Load(0.0, 2.0, 0), Load(10.0, 2.0)]
    assert wall_time(loads, 1) == 28.0
    assert wall_time(loads, 2) == 14.0  # the second worker takes the fourth model, which waits for none
    assert wall_time(loads, 4) == 12.0


parts = st.floats(0.0, 1e4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(parts, parts), min_size=1, max_size=7), st.integers(1, 4))
def test_time_lies_between_the_work_shared_out_and_the_work(parts, workers):
    loads = [Load(*part) for part in parts]
    work = sum(map(sum, parts))
    wall = wall_time(loads, workers)
    assert max(work / workers, *map(sum, parts), 0.0) <= wall * (1 + 1e-9)
    assert wall <= work * (1 + 1e-9) + 1e-9


def test_recorded_costs_are_means_over_seeds_and_shared_trainings_do_not_count(experiment):
    config = dataclasses.replace(experiment("a-b", seeds=(0, 1, 2)), grid={"sampling.audio_scale": (1.0, 2.0)})
    jobs = plan_jobs(config)
    assert len({kind(job.config) for job in jobs}) == 2
    slower = dataclasses.replace(DONE, seconds={"training": 300.0, "generating": 40.0, "scoring": 10.0})
    shared = dataclasses.replace(DONE, seconds={"training": 0.1, "generating": 60.0, "scoring": 10.0})
    statuses = []
    for job in jobs:
        first = job.setting[0][1] == 1.0
        statuses.append({0: DONE, 1: slower, 2: Status()}[job.seed] if first else shared)
        if not first:
            job.folder.mkdir(parents=True)
            (job.folder / "model.safetensors").symlink_to("elsewhere")
    found = recorded_costs(jobs, statuses)
    one, two = (found[kind(job.config)] for job in jobs[:2])
    assert (one.training, one.generating, one.scoring) == (200.0, 30.0, 10.0)
    assert (two.training, two.generating, two.scoring) == (200.0, 60.0, 10.0)
    assert recorded_costs(jobs, [Status()] * len(jobs)) == {}


@pytest.mark.parametrize(("steps", "expected"), [(1, 2.0), (3, 3.0), (10, 6.5)])
def test_sampler_steps_beyond_those_timed_lie_on_their_line(steps, expected):
    assert _at({1: 2.0, 3: 3.0}, steps) == pytest.approx(expected)


def test_the_sums_are_said_in_words():
    row = {"state": "pending", "cost": {"training": 1.0, "source": "timed now"}}
    plan = {"cells": [row], "work_seconds": 7200.0, "wall_seconds": 3600.0, "engine": "ray", "max_parallel": 2}
    plan |= {"wall_seconds_by_parallel": {"1": 7200.0, "2": 3600.0}, "note": "from a test"}
    first, others, note = total_lines(plan)
    assert first == "left to do: 2:00:00 of work; 1:00:00 with engine ray, 2 side by side"
    assert others.endswith("1: 2:00:00")
    assert "from a test" in note
    unknown = {"state": "pending", "cost": {"training": None, "source": "not known before c is prepared"}}
    assert total_lines(plan | {"cells": [unknown], "work_seconds": None}) == [
        "cost not known: not known before c is prepared"
    ]
    assert total_lines(plan | {"cells": [row | {"state": "done"}]}) == ["nothing is left to do"]


def test_every_order_of_equal_models_takes_the_same():
    loads = [Load(3.0, 1.0), Load(2.0, 2.0), Load(4.0, 0.0)]
    assert len({wall_time(order, 2) for order in itertools.permutations(loads)}) == 1


@pytest.mark.parametrize(("times", "seconds"), [([0.0, 7.0], 7.0), ([0.0, 7.0, 9.0], 2.0), ([0, 7, 9, 11, 13], 2.0)])
def test_a_step_is_timed_after_the_first_ones_where_there_are_more_than_two(times, seconds):
    timer = _StepTimer()
    timer.times = times
    assert timer.seconds == seconds
