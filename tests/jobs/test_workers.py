"""Worker processes: how they are started and stopped, and the folder that each holds."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time

import pytest

from lt_bench.errors import LtBenchError
from lt_bench.jobs import launch, worker
from lt_bench.jobs.parent_watchdog import locked_folder
from tests.support.fake_grid import training, wait_until


def test_a_worker_that_does_not_listen_is_killed(jobs):
    (job,) = jobs("stubborn-a")
    job.folder.mkdir(parents=True)
    worker = launch.start_worker(job.folder, launch.worker_environment(0, 1, 1))
    wait_until(lambda: training([job]))
    time.sleep(0.3)
    launch.stop_workers([worker], grace=0.5)
    assert worker.returncode == -signal.SIGKILL


def test_a_held_folder_is_refused_naming_its_holder(tmp_path):
    first = locked_folder(tmp_path, "lt-bench ablate")
    with first, pytest.raises(LtBenchError, match=rf"process {os.getpid()}"), locked_folder(tmp_path, "another"):
        pass


def test_a_folder_on_a_file_system_without_locks_is_refused(tmp_path, monkeypatch):
    def no_locks(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LtBenchError, match="expected a file system with locks"), locked_folder(tmp_path, "me"):
        pass


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LtBenchError, match="expected a writable folder"), locked_folder(tmp_path / "file" / "x", "me"):
        pass


def test_environment_of_workers():
    made = launch.worker_environment(3, 2, 8, ("0", "1"))
    assert made["OMP_NUM_THREADS"] == made["MKL_NUM_THREADS"] == "4"
    assert made["CUDA_VISIBLE_DEVICES"] == "1"
    assert "CUDA_VISIBLE_DEVICES" not in launch.worker_environment(0, 1, 1, ("0",))
    assert launch.worker_environment(0, 4, 2)["OMP_NUM_THREADS"] == "1"


def test_a_worker_whose_folder_another_holds_does_not_say_that_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "PATIENCE", 0.0)
    for name in ("die_with_parent", "die_without_lease"):
        monkeypatch.setattr(worker, name, lambda **_: None)
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    with locked_folder(tmp_path, "another"), pytest.raises(LtBenchError, match="got one held by another"):
        worker.main([str(tmp_path)])
