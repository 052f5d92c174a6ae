"""Workers on other machines end when the command that asked for them is gone.

The command keeps a file on the shared file system fresh, with a name of its own in it. A worker ends when the file is
gone, names another command, or has not changed for too long. Only changes of its time are looked at, so clocks need not
agree.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType

from lt_bench.files import write_text

VARIABLE = "LT_BENCH_LEASE"
"""Environment variable that tells a worker where to look, what for, and how long."""
EVERY = 5.0
"""Seconds between two signs of life."""
GRACE = 120.0
"""Seconds without one after which a worker ends; network file systems show a change up to a minute late."""


class Lease:
    """Signs of life of a command, given by a thread as long as the block lasts."""

    def __init__(self, path: Path, every: float = EVERY, grace: float = GRACE) -> None:
        self.path, self.every, self.grace = path.resolve(), every, grace
        self.token = uuid.uuid4().hex
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Lease:
        write_text(self.path, self.token)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    @property
    def variable(self) -> dict[str, str]:
        """What a worker's environment needs."""
        return {VARIABLE: json.dumps([str(self.path), self.token, self.every, self.grace])}

    def _beat(self) -> None:
        while not self._ends.wait(self.every):
            try:
                os.utime(self.path)
            except OSError:
                continue  # a file system that is away for a moment; workers are patient


def die_without_lease() -> None:
    """End this process and its group as soon as the lease named in the environment is no longer kept."""
    if VARIABLE not in os.environ:
        return
    path, token, every, grace = json.loads(os.environ[VARIABLE])

    def watch() -> None:
        changed, last = time.monotonic(), -1.0
        while True:
            found = _last_sign(Path(path), token)
            if found is None:
                break
            if found != last:
                changed, last = time.monotonic(), found
            elif time.monotonic() - changed > grace:
                break
            time.sleep(every)
        os.killpg(0, signal.SIGKILL) if os.getpgid(0) == os.getpid() else os._exit(1)

    threading.Thread(target=watch, name="lease", daemon=True).start()


def _last_sign(path: Path, token: str) -> float | None:
    """Time of the file; None where it is another command's or there is none; 0 while it cannot be read."""
    try:
        return path.stat().st_mtime if path.read_text(encoding="utf-8") == token else None
    except FileNotFoundError:
        return None
    except OSError:
        return 0.0
