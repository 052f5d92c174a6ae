"""Commands as processes: started cold or warm, stopped in any way, and gone with all that they began."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 600.0
"""Seconds after which something hangs; many times what it takes, for machines are busy."""
TICK = os.sysconf("SC_CLK_TCK")
ENVIRONMENT = {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


class Running:
    """A command that runs in a folder, as the leader of a session of its own."""

    def __init__(self, pid: int, folder: Path, before: int) -> None:
        """Args: its number, where it runs, and how much others have printed there."""
        self.pid, self.folder, self._before = pid, folder, before
        self.code: int | None = None
        self._family: list[psutil.Process] = []
        self._looked = 0.0

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        raise NotImplementedError

    def wait(self, seconds: float = PATIENCE) -> int:
        """Its exit code."""
        deadline = time.monotonic() + seconds
        while self.poll() is None:
            assert time.monotonic() < deadline, f"still running after {seconds} s: {self.said()[-2000:]}"
            time.sleep(0.03)
        assert self.code is not None
        return self.code

    def used(self) -> float:
        """CPU seconds of it and all that it began: a clock that stands still while the machine is busy elsewhere."""
        if time.monotonic() - self._looked > 0.2:
            self._family, self._looked = self.family(), time.monotonic()
        return sum(_used(process.pid) for process in self._family)

    def until(self, used: float) -> bool:
        """Let it run until it has used so many CPU seconds; False when it ended before."""
        while self.poll() is None:
            if self.used() >= used:
                return True
            time.sleep(0.01)
        return False

    def said(self) -> str:
        """What it printed."""
        return (self.folder / "log.txt").read_bytes()[self._before :].decode(errors="replace")

    def family(self) -> list[psutil.Process]:
        """It and all processes it began, and those began."""
        try:
            me = psutil.Process(self.pid)
            return [me, *me.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self, alone: bool) -> None:
        """SIGKILL: all its processes at once, or it alone, whereupon the others have to notice and end."""
        family = self.family()
        for process in family[:1] if alone else family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self.wait()
        check_gone(family)


def printed(folder: Path) -> int:
    """Bytes that commands have printed in a folder."""
    log = folder / "log.txt"
    return log.stat().st_size if log.exists() else 0


def _used(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICK  # its own, and of its children that have ended


def check_gone(family: Sequence[psutil.Process], seconds: float = 20.0) -> None:
    """No process of a command lives longer than it."""
    _, alive = psutil.wait_procs([process for process in family if not _ended(process)], timeout=seconds)
    assert [process for process in alive if not _ended(process)] == [], "processes outlive their command"


def _ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Cold(Running):
    """A command typed in a shell: a fresh interpreter."""

    def __init__(self, words: Sequence[str], folder: Path, **variables: str) -> None:
        before = printed(folder)
        with (folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lt_bench", *words],
                cwd=folder,
                env={**os.environ, **ENVIRONMENT, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        super().__init__(self._process.pid, folder, before)

    def poll(self) -> int | None:
        self.code = self._process.poll()
        return self.code


class Warm(Running):
    """A command forked from an interpreter that has imported everything."""

    def __init__(self, zygote: Zygote, words: Sequence[str], folder: Path, file_size: int = 0) -> None:
        """Args: the interpreter, what is typed, where, and the largest file it may write in bytes (0: any)."""
        self._zygote = zygote
        self.total = 0.0
        """CPU seconds of it and its children, when it has ended."""
        before = printed(folder)
        pid = zygote.ask({"words": list(words), "folder": str(folder), "file_size": file_size})
        super().__init__(pid, folder, before)

    def poll(self) -> int | None:
        if self.code is None and (ended := self._zygote.ask({"pid": self.pid})):
            self.code, self.total = ended
        return self.code


class Zygote:
    """The warm interpreter."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert self._read() == 1, "a process with threads cannot be forked"

    def ask(self, request: dict) -> Any:
        """Start a command, or look after one."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the warm interpreter has ended"
        return json.loads(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(PATIENCE)
