"""A process that has imported everything and forks one command after the other.

Imports take seconds and write nothing; so a test that kills a command twenty times need not repeat them. What runs in
the fork is the whole command, from its arguments to its exit code; workers of grids and searches are forks of the
command, otherwise as ``lt_bench.jobs.launch`` starts them. Requests and answers are lines of JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

HEAVY = (
    "data_prep.encoding.clip_worker",
    "data_prep.pipeline",
    "data_prep.reporting.report_page",
    "diffusers.schedulers.scheduling_flow_match_euler_discrete",
    "lt_bench.ablation.grid_runner",
    "lt_bench.cli.commands.ablate.command",
    "lt_bench.cli.commands.ablate.summary",
    "lt_bench.cli.commands.evaluate",
    "lt_bench.cli.commands.generate",
    "lt_bench.cli.commands.prepare.command",
    "lt_bench.cli.commands.search.command",
    "lt_bench.cli.commands.train",
    "lt_bench.evaluation.harness",
    "lt_bench.evaluation.results.worst_videos",
    "lt_bench.jobs.worker",
    "lt_bench.leaderboard.build",
    "lt_bench.sampling.videos",
    "lt_bench.search.study_report",
    "lt_bench.search.trial_runner",
    "lt_bench.search.storage",
    "lt_bench.tracking.mlflow_tracker",
    "lt_bench.training.run",
    "matplotlib.pyplot",
    "mlflow",
    "optuna",
    "pandas",
)


class ForkedWorker:
    """In place of ``start_worker`` and the ``Popen`` that it returns."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], command: Sequence[str] = (), hidden: str = ""
    ) -> None:
        assert not command, "the worker's own command is what is forked here"
        self.returncode: int | None = None
        # What Python calls around a fork swallows an interrupt; to start a worker as a program calls nothing.
        told = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        self.pid = os.fork()
        signal.pthread_sigmask(signal.SIG_SETMASK, told)
        if not self.pid:
            os._exit(self._run(folder, variables, hidden))

    def _run(self, folder: Path, variables: Mapping[str, str], hidden: str) -> int:
        from lt_bench.jobs.worker import main

        os.setsid()
        for name in [name for name in os.environ if hidden and name.startswith(hidden)]:
            del os.environ[name]
        os.environ.update(variables)
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        try:
            return main([str(folder)])
        except BaseException:
            traceback.print_exc()
            return 1
        finally:
            sys.stdout.flush()

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = time.monotonic() + (1e9 if timeout is None else timeout)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            time.sleep(0.01)
        return code


def child(request: dict) -> NoReturn:
    os.setsid()
    os.chdir(request["folder"])
    if request["file_size"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["file_size"], resource.RLIM_INFINITY))
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    from lt_bench.cli.main import main
    from lt_bench.jobs.engines import local

    local.start_worker = ForkedWorker  # type: ignore[assignment]
    sys.exit(main(request["words"]))  # and on through the end of an interpreter, as any command


def answer(request: dict) -> Any:
    if "pid" in request:
        pid, status, used = os.wait4(request["pid"], os.WNOHANG)
        return [os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime] if pid else None
    pid = os.fork()
    if not pid:
        child(request)
    return pid


def serve() -> None:
    for module in HEAVY:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # what is imported is no garbage: looking for some would copy its pages into every fork
    print(json.dumps(threading.active_count()), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    serve()
