"""Watchdog and lock of workers: none outlives the command that started it, and a folder has only one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lt_bench.errors import LtBenchError
from lt_bench.locks import lock

LOCK_FILE = ".lock"
PARENT = "LT_BENCH_COMMAND_PID"
"""Environment variable with the process id of a worker's command."""


@contextmanager
def locked_folder(folder: Path, who: str, patience: float = 0.0) -> Iterator[None]:
    """Hold a folder for this process alone; the system releases it when the process ends.

    Args:
        folder: folder to lock; created if it does not exist.
        who: name of the holder in the error that another process gets.
        patience: seconds to wait for another holder.

    Raises:
        LtBenchError: another process holds it, or the folder cannot be written to or locked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK_FILE).open("a+", encoding="utf-8")
    except OSError as error:
        raise LtBenchError(f"{folder}: expected a writable folder, got {error.strerror or error}") from error
    with stream:
        deadline = time.monotonic() + patience
        while not lock(stream.fileno(), folder):
            if time.monotonic() >= deadline:
                stream.seek(0)
                holder = stream.read().strip() or "another process"
                raise LtBenchError(f"{folder}: expected a folder that nobody works in, got one held by {holder}")
            time.sleep(0.1)
        stream.seek(0)
        stream.truncate()
        stream.write(f"{who} (process {os.getpid()})\n")
        stream.flush()
        yield


def die_with_parent(every: float = 0.5, follows: bool = False) -> None:
    """End this process and its group as soon as the parent named in the environment is gone.

    Args:
        every: seconds between two checks.
        follows: whether a worker started this process; that worker is then its parent, if it has one itself.
    """
    parent = int(os.environ.get(PARENT, "0"))
    parent = os.getppid() if parent and follows else parent
    if not parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(every)
        # A worker leads its own group, so its helpers end with it.
        os.killpg(0, signal.SIGKILL) if os.getpgid(0) == os.getpid() else os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
