"""A lease that ends workers on other machines when the command that started them is gone.

The command keeps updating a file on the shared file system that contains its own name. A worker ends when the file is
gone, names another command, or has not changed for too long. Only changes of the file's time are compared, so clocks
need not agree.
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
"""Environment variable with the path, the owner and the grace period of the lease."""
EVERY = 5.0
"""Seconds between two heartbeats."""
GRACE = 120.0
"""Seconds without a heartbeat after which a worker ends; network file systems show changes up to a minute late."""


class Lease:
    """Heartbeats of a command, written by a thread while the block lasts."""

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
        """Return the environment variable that a worker needs."""
        return {VARIABLE: json.dumps([str(self.path), self.token, self.every, self.grace])}

    def _beat(self) -> None:
        while not self._ends.wait(self.every):
            try:
                os.utime(self.path)
            except OSError:
                continue  # a file system that is away for a moment; workers are patient


def die_without_lease() -> None:
    """End this process and its group as soon as the lease named in the environment is no longer renewed."""
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
    """Return the file's time; None if it is missing or another command's, 0 while it cannot be read."""
    try:
        return path.stat().st_mtime if path.read_text(encoding="utf-8") == token else None
    except FileNotFoundError:
        return None
    except OSError:
        return 0.0
