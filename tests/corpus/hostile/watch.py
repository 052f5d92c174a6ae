"""Runs trials in a process of their own and says what went wrong: tracebacks, hangs, memory, files, foreign code."""

from __future__ import annotations

import hashlib
import json
import os
import select
import stat
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

from hostile.entry import Trial

MEMORY = 2 * 2**30
"""Bytes at most."""
HELD = 2**30
"""A process that holds more between trials, of libraries and networks, is replaced: a command's memory is its own."""
STARTING = 120.0
POLL = 0.05
HERE = Path(__file__).resolve().parents[1]
"""Of the package ``hostile``; two folders up is the project."""


@dataclass(frozen=True)
class Outcome:
    """What a trial did."""

    trial: Trial
    problem: str
    """Empty where all is well."""
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    peak: int = 0


class Feeder:
    """The process that is fed trials, in a sandbox folder; started again when a trial ended it."""

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        self._process: subprocess.Popen[str] | None = None
        self._answers: IO[str] | None = None

    def run(self, trial: Trial) -> Outcome:
        """Feed one trial and judge what comes of it."""
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        document = {"arguments": list(trial.arguments), "environment": dict(trial.environment)}
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        answer, why = self._answer(trial.seconds)
        if answer is None:
            self.stop()
            return Outcome(trial, why)
        problem = judge(trial, answer)
        if answer["held"] > HELD:
            self.stop()
        return Outcome(trial, problem, answer["stdout"], answer["stderr"], answer["seconds"], answer["peak"])

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._answers):
                assert stream is not None
                stream.close()
        self._process = self._answers = None

    def _start(self) -> None:
        reading, writing = os.pipe()
        out = self.sandbox / "out"
        environment = os.environ | {
            "HOME": str(out / "home"),
            "TMPDIR": str(out / "tmp"),
            "LT_BENCH_CACHE": str(out / "user-cache"),
            "MLFLOW_TRACKING_URI": "off",
            "PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)]),
            "OMP_NUM_THREADS": "1",
        }
        (out / "tmp").mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostile.feed", str(writing)],
            stdin=subprocess.PIPE,
            text=True,
            pass_fds=[writing],
            cwd=self.sandbox,
            env=environment,
        )
        os.close(writing)
        self._answers = os.fdopen(reading)
        ready, why = self._answer(STARTING)
        assert ready is not None, f"the process that is fed could not be started: {why}"

    def _answer(self, seconds: float) -> tuple[dict[str, Any] | None, str]:
        assert self._process is not None
        assert self._answers is not None
        watched, worked = psutil.Process(self._process.pid), time.monotonic()
        before = latest = _spent(watched)
        while not select.select([self._answers], [], [], POLL)[0]:
            now, spent = time.monotonic(), _spent(watched)
            # On a busy machine a process may get no time for long; one that waits for ever sleeps.
            if spent > latest or watched.status() != psutil.STATUS_SLEEPING:
                worked, latest = now, spent
            if spent - before > seconds:
                return None, f"hang: more than {seconds:g} s of CPU time"
            if now - worked > seconds:
                return None, f"hang: asleep for {seconds:g} s"
        line = self._answers.readline()
        return (json.loads(line), "") if line else (None, f"the process died: code {self._process.wait()}")


def _spent(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0


def judge(trial: Trial, answer: dict[str, Any]) -> str:
    """What is wrong with an answer; empty where nothing is."""
    said = answer["stdout"] + answer["stderr"]
    if answer["escaped"] or "Traceback (most recent call last)" in said:
        return f"traceback: {answer['escaped'] or said}"
    if answer["code"] not in trial.codes:
        return f"expected exit code {' or '.join(map(str, trial.codes))}, got {answer['code']}: {said[-500:]}"
    if answer["peak"] > MEMORY:
        return f"memory: {answer['peak'] / 2**30:.2f} GiB"
    if answer["code"] == 2 and not _ends_in_a_line_of_ours(answer["stderr"]):
        return f"expected a last line that begins with 'lt-bench', got {answer['stderr'][-500:]!r}"
    if trial.says not in said:
        return f"expected {trial.says!r} to be said, got {said[-500:]!r}"
    return ""


def _ends_in_a_line_of_ours(text: str) -> bool:
    lines = text.strip().splitlines()
    return bool(lines) and lines[-1].startswith("lt-bench ")


def run_trials(trials: Iterable[Trial], sandbox: Path) -> Iterator[Outcome]:
    """Run all trials in a sandbox; anything but ``out`` in it must be afterwards what it was before."""
    feeder = Feeder(sandbox)
    before = snapshot(sandbox)
    try:
        for trial in trials:
            outcome = feeder.run(trial)
            after = snapshot(sandbox)
            if after != before and not outcome.problem:
                changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
                outcome = Outcome(trial, f"changed outside the folder of results: {', '.join(changed[:5])}")
            before = after
            yield outcome
    finally:
        feeder.stop()


def snapshot(sandbox: Path) -> dict[str, str]:
    """Kind, size and time of change of everything in the sandbox but ``out``; the content of what is small."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(sandbox):
        if folder == str(sandbox):
            folders.remove("out")
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            small = stat.S_ISREG(status.st_mode) and status.st_size < 10_000
            content = hashlib.sha256(path.read_bytes()).hexdigest() if small else ""
            times = "" if stat.S_ISDIR(status.st_mode) else status.st_mtime_ns
            found[str(path)] = f"{stat.S_IFMT(status.st_mode)} {status.st_size} {times} {content}"
    return found
