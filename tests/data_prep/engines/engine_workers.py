"""Workers for the tests of engines; a module of its own, for other processes import it."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from lt_bench.errors import LtBenchError


@dataclass(frozen=True)
class Toy:
    """Job ``n`` gives its square; some end their process: ``die`` always, ``stumble`` once, ``twice`` twice."""

    folder: Path
    die: frozenset[int] = frozenset()
    stumble: frozenset[int] = frozenset()
    twice: frozenset[int] = frozenset()
    fail: int = -1
    seconds: float = 0.0

    def prepare(self, job: int) -> int:
        with (self.folder / f"tried-{job}").open("a") as note:
            note.write(f"{os.getpid()}\n")
        time.sleep(self.seconds)
        if job == self.fail:
            raise LtBenchError("the disk is full")
        tried = len((self.folder / f"tried-{job}").read_text().split())
        if job in self.die or tried <= (job in self.stumble) + 2 * (job in self.twice):
            os.kill(os.getpid(), signal.SIGKILL)
        return job * job

    def close(self) -> None:
        (self.folder / f"closed-{os.getpid()}").touch()


def lost(job: int, reason: str) -> str:
    return f"{job}: {reason}"


@dataclass(frozen=True)
class Meeting:
    """Says which device its process sees, once as many processes as jobs have met; may end its process at first."""

    stumbles: bool = False

    def prepare(self, job: tuple[Path, int, int]) -> tuple[str | None, int]:
        stumbled = job[0].parent / "stumbled"
        if self.stumbles and not stumbled.exists():
            stumbled.touch()
            os._exit(1)
        from meeting import seen_device  # of tests/support

        return seen_device(job)

    def close(self) -> None:
        """Nothing is held."""
