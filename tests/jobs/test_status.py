"""Statuses of jobs, estimates of the time left, and what is shown of them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from lt_bench.ablation.grid_plan import plan_jobs
from lt_bench.errors import LtBenchError
from lt_bench.jobs.display import JobsDisplay, clock, ended_line, plain_line, share_done
from lt_bench.jobs.job_status import PHASES, STATES, Status, StatusReporter, read_status
from lt_bench.jobs.remaining_time import Estimate, time_left
from lt_bench.jobs.snapshot import Snapshot


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
