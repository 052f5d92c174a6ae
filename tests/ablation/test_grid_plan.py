"""Plans, folders of other configurations, statuses, estimates and what is shown of them."""

from __future__ import annotations

import dataclasses
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from lt_bench.ablation.grid_plan import check_experiment, plan_jobs
from lt_bench.config import FusionConfig, ModelConfig, SamplingConfig, to_yaml
from lt_bench.conventions import CONFIG_FILE
from lt_bench.errors import ConfigError, LtBenchError
from lt_bench.jobs.display import JobsDisplay, clock, ended_line, plain_line, share_done
from lt_bench.jobs.folder import check_folder
from lt_bench.jobs.remaining_time import Estimate, time_left
from lt_bench.jobs.snapshot import Snapshot
from lt_bench.jobs.status import PHASES, STATES, Status, StatusReporter, read_status

FUSIONS = ("direct", "siamese", "symbiotic")


def test_a_job_for_each_cell_and_seed_with_its_own_configuration(experiment):
    config = experiment("direct-siamese", "symbiotic-direct", seeds=(0, 3))
    config = dataclasses.replace(config, sampling=SamplingConfig(seed=10))
    jobs = plan_jobs(config)
    assert [job.name for job in jobs] == [
        "direct-siamese/seed0",
        "symbiotic-direct/seed0",
        "direct-siamese/seed3",
        "symbiotic-direct/seed3",
    ]
    last = jobs[-1].config
    assert (last.model.fusion.portrait, last.model.fusion.audio) == ("symbiotic", "direct")
    assert (last.train.seed, last.sampling.seed) == (3, 13)
    assert jobs[0].folder.parts[-3:] == ("cells", "direct-siamese", "seed0")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": ()}, "key 'cells'.*got none"),
        ({"seeds": ()}, "key 'seeds'.*got none"),
        ({"seeds": (1, 1)}, "key 'seeds'.*'1' twice"),
        ({"seeds": (-1,)}, "key 'seeds'.*-1"),
        ({"max_parallel": 0}, "key 'max_parallel'.*got 0"),
        (
            {"model": ModelConfig(fusion=FusionConfig("direct", "siamese"))},
            r"key 'model.fusion'.*cells=\[{portrait: direct, audio: siamese}\]",
        ),
    ],
)
def test_a_grid_that_cannot_run_is_refused_naming_the_key(changes, words, experiment):
    config = dataclasses.replace(experiment("direct-direct"), **changes)
    with pytest.raises(ConfigError, match=f"e.yaml: {words}"):
        check_experiment(config, FUSIONS, "e.yaml")


def test_more_axes_multiply_the_jobs_and_name_the_rows(experiment):
    grid = {"sampling.audio_scale": (1.0, 2), "diffusion.prediction": ("sample", "velocity")}
    config = dataclasses.replace(experiment("direct-direct", seeds=(0, 1)), grid=grid)
    check_experiment(config, FUSIONS, "e.yaml")
    jobs = plan_jobs(config)
    assert len(jobs) == len({job.folder for job in jobs}) == 8
    last = jobs[-1]
    assert last.name == "direct-direct,audio_scale=2,prediction=velocity/seed1"
    assert (last.config.sampling.audio_scale, last.config.diffusion.prediction) == (2.0, "velocity")
    assert last.config.evaluation.system == "direct-direct,audio_scale=2,prediction=velocity"


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"sampling.stps": (1, 2)}, "key 'grid': expected dotted keys of a run.*got 'sampling.stps'"),
        ({"sampling.steps": ("many",)}, "key 'sampling.steps': expected a valid integer.*got 'many'"),
        ({"sampling.steps": ()}, "key 'grid.sampling.steps': expected at least one value"),
        ({"sampling.steps": (4, 4)}, "key 'grid.sampling.steps': expected each once"),
        ({"train.seed": (1, 2)}, "key 'grid': expected axes beside cells"),
        ({"model.fusion.audio": ("direct",)}, "key 'grid': expected axes beside cells"),
    ],
)
def test_axes_that_cannot_be_are_refused_naming_them(grid, words, experiment):
    with pytest.raises(ConfigError, match=words):
        check_experiment(dataclasses.replace(experiment("direct-direct"), grid=grid), FUSIONS, "e.yaml")


def test_unknown_fusions_and_cells_twice_are_refused(experiment):
    with pytest.raises(
        ConfigError, match=r"cells.1.audio.*expected one of direct, siamese, symbiotic, got 'telepathy'"
    ):
        check_experiment(experiment("direct-direct", "direct-telepathy"), FUSIONS, "e.yaml")
    with pytest.raises(ConfigError, match="'direct-direct' twice"):
        check_experiment(experiment("direct-direct", "direct-direct"), FUSIONS, "e.yaml")
    check_experiment(experiment("direct-direct"), FUSIONS, "e.yaml")


def test_a_folder_of_another_configuration_is_refused_naming_the_key(experiment):
    config = experiment("direct-direct")
    (job,) = plan_jobs(config)
    check_folder(job.folder, job.config)
    job.folder.mkdir(parents=True)
    (job.folder / CONFIG_FILE).write_text(to_yaml(job.config))
    check_folder(job.folder, job.config)
    (other,) = plan_jobs(dataclasses.replace(config, train=dataclasses.replace(config.train, steps=11)))
    with pytest.raises(ConfigError, match=r"expected train.steps: 11, got a run made with train.steps: 10"):
        check_folder(other.folder, other.config)
    # Where memory ran out, the same model can be made in smaller pieces or on more devices.
    free = dataclasses.replace(config.train, threads=2, log_every=7, accumulate=2, activation_checkpointing=True)
    (same,) = plan_jobs(dataclasses.replace(config, train=free))
    check_folder(same.folder, same.config)


def test_status_counts_time_over_attempts_and_keeps_reasons_on_one_line(tmp_path):
    assert read_status(tmp_path) == Status()
    first = StatusReporter(tmp_path)
    first.begin("training", 10, "abc")
    first.step(2, 0.7)
    first.step(10, 0.5)
    spent = first.end()
    second = StatusReporter(tmp_path)
    second.begin("training", 10)
    assert second.end() >= spent
    second.begin("generating", 0)
    second.progress(3, 4)
    second.fail("disk\n full")
    found = read_status(tmp_path)
    assert (found.state, found.reason, found.loss, found.cache_hash) == ("failed", "disk full", 0.5, "abc")
    assert set(found.seconds) == {"training", "generating"}
    third = StatusReporter(tmp_path)
    assert third.status.reason == ""
    third.finish()
    assert read_status(tmp_path).state == "done"


@pytest.mark.parametrize("text", ["{", "[]", '{"state": "flying"}', '{"unknown": 1}'])
def test_a_damaged_status_is_named(text, tmp_path):
    (tmp_path / "status.json").write_text(text)
    with pytest.raises(LtBenchError, match=r"status\.json"):
        read_status(tmp_path)


def done(training: float = 100.0) -> Status:
    return Status(state="done", seconds={"training": training, "generating": 20.0, "scoring": 10.0})


def test_time_left_is_unknown_before_anything_was_measured():
    assert time_left([Status(), Status()], [False, False], 1) == Estimate(None, True)


def test_time_left_of_waiting_jobs_is_dealt_to_the_workers():
    waiting = [done(), Status(), Status(), Status()]
    assert time_left(waiting, [False] * 4, 1) == Estimate(390.0, False)
    assert time_left(waiting, [False] * 4, 2) == Estimate(260.0, False)
    assert time_left([done(), done()], [False] * 2, 2) == Estimate(0.0, False)


def test_time_left_of_a_running_job_is_its_phase_and_those_after_it():
    running = Status(state="training", step=50, steps=100, eta=50.0, seconds={"training": 50.0})
    assert time_left([running], [True], 1) == Estimate(50.0, True)  # how long scoring takes is not known yet
    assert time_left([done(), running], [False, True], 1) == Estimate(80.0, False)
    half = Status(state="pending", step=50, steps=100)
    assert time_left([done(), half], [False, False], 1) == Estimate(80.0, False)


statuses = st.builds(
    Status,
    state=st.sampled_from(STATES),
    step=st.integers(0, 10),
    steps=st.sampled_from([0, 10]),
    eta=st.one_of(st.none(), st.floats(0, 1e5)),
    loss=st.one_of(st.none(), st.floats(0, 10)),
    seconds=st.dictionaries(st.sampled_from(PHASES), st.floats(0, 1e5)),
)


@settings(deadline=None, max_examples=100)
@given(st.lists(statuses, min_size=1, max_size=6), st.integers(1, 3))
def test_more_workers_never_take_longer_and_bars_stay_in_range(found, workers):
    waiting = [False] * len(found)
    one, more = (time_left(found, waiting, count).seconds for count in (workers, workers + 1))
    assert (one is None) == (more is None)
    if one is not None:
        assert 0 <= more <= one * (1 + 1e-9)
    snapshot = Snapshot((), tuple(found), tuple(waiting), Estimate(one, False))
    assert 0 <= share_done(snapshot) <= 1 + 1e-9


def snapshot_of(experiment) -> Snapshot:
    jobs = plan_jobs(experiment("direct-direct", "symbiotic-direct"))
    running = Status(state="training", step=50, steps=100, loss=0.41, eta=50.0, seconds={"training": 65.0})
    return Snapshot(jobs, (running, done()), (True, False), Estimate(80.0, False))


def test_plain_lines_name_phase_step_loss_and_time(experiment):
    line = plain_line(snapshot_of(experiment), 65)
    cell = "direct-direct/seed0 training 50/100 steps loss 0.4100 1:05 elapsed 0:50 left"
    assert line == f"1/2 done, 1:05 elapsed, 1:20 left | {cell}"
    job = plan_jobs(experiment("direct-direct"))[0]
    assert ended_line(job, done()) == "direct-direct/seed0 done (training 1:40, generating 0:20, scoring 0:10)"
    assert clock(7620) == "2:07:00"


@pytest.mark.parametrize("terminal", [True, False])
def test_the_display_shows_the_grid_on_a_terminal_and_in_a_log(terminal, experiment):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, legacy_windows=False)
    snapshot = snapshot_of(experiment)
    with JobsDisplay(console) as display:
        display.tick(snapshot)
        display.tick(snapshot)
        display.ended(snapshot.jobs[0], Status(state="failed", reason="no [bold]luck"))
    written = text.getvalue()
    assert "direct-direct/seed0" in written
    assert "0.4100" in written
    assert "failed: no [bold]luck" in written
    if not terminal:
        assert written.count("\n") == 2
