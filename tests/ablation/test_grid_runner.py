"""Running a grid: order, failures, resume, interruption, death of the command. Workers are fake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from lt_bench.ablation.grid_inspection import inspect
from lt_bench.ablation.grid_runner import Rules, run_jobs
from lt_bench.errors import LtBenchError
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.jobs.job_status import read_status
from lt_bench.jobs.parent_watchdog import locked_folder
from tests.support.fake_grid import FAKE_WORKER, Watcher, alive, last_pids, training, wait_until

CACHE, PROTOCOL = "c" * 64, "f" * 64


def run(jobs, workers: int = 2, watcher: Watcher | None = None):
    return run_jobs(jobs, Rules(CACHE, PROTOCOL), LocalEngine(workers, 4), watcher or Watcher())


def starts(job) -> int:
    path = job.folder / "starts.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_all_cells_run_at_most_so_many_at_once_with_their_share_of_the_cores(jobs):
    some, watcher = jobs("works-a", "works-b", "works-c"), Watcher()
    statuses = run(some, 2, watcher)
    assert [status.state for status in statuses] == ["done"] * 3
    assert watcher.most == 2
    assert sorted(watcher.ends) == ["works-a done", "works-b done", "works-c done"]
    assert (some[0].folder / "starts.txt").read_text().split()[1:] == ["2", "PASSIVE"]
    assert all((job.folder / name).is_file() for job in some for name in ("config.yaml", "log.txt", "result.json"))


def test_failed_cells_have_a_one_line_reason_and_the_others_go_on(jobs):
    some = jobs("fails-a", "dies-a", "exits-a", "works-a")
    statuses = run(some)
    assert [status.state for status in statuses] == ["failed", "failed", "failed", "done"]
    assert statuses[0].reason == "first line second line"
    assert "SIGKILL" in statuses[1].reason
    assert "code 3" in statuses[2].reason
    assert [read_status(job.folder).reason for job in some[:3]] == [status.reason for status in statuses[:3]]


def test_again_does_nothing_for_what_is_done_and_tries_again_what_failed(jobs):
    some = jobs("works-a", "mends-a")
    assert [status.state for status in run(some)] == ["done", "failed"]
    before = (some[0].folder / "result.json").stat().st_mtime_ns
    watcher = Watcher()
    assert [status.state for status in run(some, 2, watcher)] == ["done", "done"]
    assert [starts(job) for job in some] == [1, 2]
    assert (some[0].folder / "result.json").stat().st_mtime_ns == before
    assert watcher.ends == ["mends-a done"]


@pytest.mark.parametrize("content", [None, "{", '{"format": "lt_bench result", "version": 99}'])
def test_a_missing_or_damaged_result_is_made_again(content, jobs):
    (job,) = jobs("works-a")
    run([job])
    path = job.folder / "result.json"
    path.unlink() if content is None else path.write_text(content)
    assert inspect(job, CACHE, PROTOCOL).state == "pending"
    assert run([job])[0].state == "done"
    assert starts(job) == 2


def test_a_result_of_another_protocol_is_made_again(jobs):
    (job,) = jobs("works-a")
    run([job])
    assert inspect(job, CACHE, PROTOCOL).state == "done"
    assert inspect(job, CACHE, "0" * 64).state == "pending"


def test_what_is_done_is_scored_again_on_request(jobs):
    (job,) = jobs("works-a")
    run([job])
    assert run_jobs([job], Rules(CACHE, PROTOCOL, rescore=True), LocalEngine(1, 1), Watcher())[0].state == "done"
    assert starts(job) == 2


def test_a_run_on_another_cache_is_refused(jobs):
    (job,) = jobs("works-a")
    run([job])
    with pytest.raises(LtBenchError, match="expected a run on cache dddd"):
        run_jobs([job], Rules("d" * 64, PROTOCOL), LocalEngine(1, 1), Watcher())
    assert starts(job) == 1


def test_an_interrupt_ends_every_worker(jobs):
    some = jobs("sleeps-a", "sleeps-b")
    interrupt = threading.Thread(
        target=lambda: (wait_until(lambda: training(some)), os.kill(os.getpid(), signal.SIGINT)), daemon=True
    )
    interrupt.start()
    watcher = Watcher()
    with pytest.raises(KeyboardInterrupt):
        run(some, 2, watcher)
    interrupt.join()
    assert watcher.ends == ["stopping 2"]
    assert not any(map(alive, last_pids(some)))
    assert training(some)


SCRIPT = """
import sys
from lt_bench.jobs import launch
from lt_bench.ablation.grid_plan import plan_jobs
from lt_bench.ablation.grid_runner import Rules, run_jobs
from lt_bench.jobs.engines.local import LocalEngine
from lt_bench.config import ExperimentConfig, load_config
launch.COMMAND = (sys.executable, sys.argv[2])
class Watcher:
    def tick(self, snapshot): pass
    def ended(self, job, status): pass
jobs = plan_jobs(load_config(ExperimentConfig, sys.argv[1]))
run_jobs(jobs, Rules("c" * 64, "f" * 64), LocalEngine(2, 2), Watcher())
"""


def test_no_worker_outlives_a_killed_command_and_the_next_one_goes_on(experiment, jobs, tmp_path):
    from lt_bench.config import to_yaml

    names = ("sleeps-a", "sleeps-b")
    (tmp_path / "e.yaml").write_text(to_yaml(experiment(*names)))
    some = jobs(*names)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "e.yaml"), str(FAKE_WORKER)]
    parent = subprocess.Popen(command)
    try:
        wait_until(lambda: training(some))
    finally:
        parent.kill()
        parent.wait()
    wait_until(lambda: not any(map(alive, last_pids(some))))
    with locked_folder(some[0].folder, "a test"):
        pass  # the dead worker's hold is gone
