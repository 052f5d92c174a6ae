"""Processes of this machine, which die with their parent and whose own death costs at most the job they were at."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from data_prep.engines import Job, Result, Worker
from data_prep.engines.threads import one_thread, start_with_one_thread
from lt_bench.children import deaf_to_interrupts, end_with_parent
from lt_bench.devices import device_of, use_device
from lt_bench.errors import LtBenchError

TRIES = 2
"""A job over which a process died is tried once more, then alone, then given up."""
MAX_LOST = 5
"""Consecutive jobs with dead processes after which the cause is not the jobs."""
Make = Callable[[], Worker[Any, Any]]


def run_here(jobs: Sequence[Job], make: Callable[[], Worker[Job, Result]]) -> Iterator[Result]:
    """Do the jobs in sequence in this process."""
    worker = make()
    try:
        with one_thread():
            for job in jobs:
                yield worker.prepare(job)
    finally:
        worker.close()


def run_in_processes(
    jobs: Sequence[Job],
    make: Callable[[], Worker[Job, Result]],
    lost: Callable[[Job, str], Result],
    workers: int,
    devices: Sequence[str] = (),
) -> Iterator[Result]:
    """Do the jobs in ``workers`` processes, each given one at a time; a dead process is replaced.

    Processes get the devices in turn, and a dead one's successor gets its device.

    A job over which processes died is tried a last time when no other runs: what it wanted for may have been memory.

    Raises:
        LtBenchError: as ``run_jobs``.
    """
    left, alone = list(reversed([_Task(job) for job in jobs])), []
    row, reason = 0, ""
    crew = [_Process(make, device_of(number, devices)) for number in range(workers)]
    try:
        for process in crew:
            process.give(left.pop())
        while busy := {process.pipe: process for process in crew if process.task is not None}:
            for pipe in wait(list(busy)):
                process = busy[pipe]  # type: ignore[index]
                task, answer = process.take()
                if isinstance(answer, _Death):
                    process.replace()
                    reason = answer.reason
                    if task.died() < TRIES:
                        left.append(task)
                    else:
                        alone.append(task)
                        row += 1
                if left and row < MAX_LOST:  # before the result is used, so that the process need not wait for that
                    process.give(left.pop())
                if isinstance(answer, _Failure):
                    raise answer.error
                if isinstance(answer, _Done):
                    row = 0 if row < MAX_LOST else row
                    yield answer.result
        while len(crew) > 1:
            crew.pop().end()
        for task in alone:
            yield _last_try(crew[0], task, lost)
        if row >= MAX_LOST:
            raise LtBenchError(f"{MAX_LOST} jobs in a row were lost; try fewer --workers: {reason}")
    finally:
        for process in crew:
            process.end()


def _last_try(process: _Process, task: _Task, lost: Callable[[Any, str], Any]) -> Any:
    process.give(task)
    _, answer = process.take()
    if isinstance(answer, _Failure):
        raise answer.error
    if isinstance(answer, _Done):
        return answer.result
    process.replace()
    return lost(task.job, answer.reason)


@dataclass
class _Task:
    job: Any
    deaths: int = 0

    def died(self) -> int:
        self.deaths += 1
        return self.deaths


@dataclass(frozen=True)
class _Done:
    result: Any


@dataclass(frozen=True)
class _Failure:
    error: BaseException


@dataclass(frozen=True)
class _Death:
    reason: str


class _Process:
    """A worker process and what it is at."""

    def __init__(self, make: Make, device: str | None) -> None:
        self.make, self.device = make, device
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.task: _Task | None = None
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.make, self.device), daemon=True)
        with deaf_to_interrupts():
            self.process.start()
        theirs.close()

    def give(self, task: _Task) -> None:
        self.task = task
        with suppress(OSError):  # it died while idle; take() finds the pipe closed
            self.pipe.send(task.job)

    def take(self) -> tuple[_Task, _Done | _Failure | _Death]:
        task, self.task = self.task, None
        assert task is not None
        try:
            return task, self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return task, _Death(_cause(self.process.exitcode))

    def replace(self) -> None:
        self.pipe.close()
        self._start()

    def end(self) -> None:
        """End it in order when it is idle, at once when it is at work: files appear whole or not at all."""
        if self.task is not None:
            self.process.terminate()
        self.pipe.close()
        self.process.join()


def _cause(code: int | None) -> str:
    tries = f"{TRIES + 1} times, the last time alone"
    if code is not None and code < 0:
        hint = " (out of memory?)" if -code == signal.SIGKILL else ""
        return f"the process that prepared it was ended {tries}, by {signal.Signals(-code).name}{hint}"
    return f"the process that prepared it ended {tries}, with exit code {code}"


def _serve(pipe: Connection, make: Make, device: str | None) -> None:
    end_with_parent()
    if device is not None:
        use_device(device)
    start_with_one_thread()
    worker: Worker[Any, Any] | None = None
    with one_thread():
        while True:
            try:
                job = pipe.recv()
            except (EOFError, OSError):
                break
            try:
                worker = worker or make()
                answer = _Done(worker.prepare(job))
            except Exception as error:  # noqa: BLE001 - handed to the parent, which raises it
                answer = _Failure(_with_trace(error))
            pipe.send(answer)
    if worker is not None:
        worker.close()


def _with_trace(error: Exception) -> Exception:
    if not isinstance(error, LtBenchError):
        error.add_note(traceback.format_exc())
    return error
