"""The polling loop that grids and searches share: start jobs, check their workers, and react when they end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from lt_bench.jobs.engines.base import Ending, Engine, Task

POLL = 0.2
"""Seconds between two checks of the workers."""


class Running(Protocol):
    """A job whose worker was started."""

    @property
    def task(self) -> Task:
        """The job's worker."""
        ...


R = TypeVar("R", bound=Running)


class PollingRunner(ABC, Generic[R]):
    """Runs jobs in parallel until none is left; subclasses choose the next job and react to the end of each."""

    engine: Engine
    """Engine that runs the workers and limits how many run in parallel."""
    running: list[R]
    """Jobs whose workers have not ended, in the order of their start."""

    @abstractmethod
    def start_next(self) -> bool:
        """Start the next job, and add it to ``running`` if it needs a worker.

        Returns:
            Whether another job may follow at once; False if none can start now.
        """

    @abstractmethod
    def react(self, one: R, ending: Ending) -> None:
        """React to the end of a worker, which is no longer in ``running``."""

    @abstractmethod
    def show(self) -> None:
        """Show the progress; called several times per second."""

    @abstractmethod
    def is_finished(self) -> bool:
        """Return whether nothing is left to start; called only while no worker runs."""

    @abstractmethod
    def notify_stopping(self) -> None:
        """Tell the user that the workers are about to be stopped."""

    def prepare(self) -> None:
        """Do recurring work before each round, such as heartbeats for other commands."""

    def look(self, one: R) -> None:
        """Read a worker's files; called before each check whether it has ended."""

    def release(self, one: R) -> None:
        """Release a job whose worker was stopped."""

    def run(self) -> None:
        """Run until nothing is left.

        Raises:
            KeyboardInterrupt: the workers have been stopped, as after any other error.
        """
        try:
            while True:
                self.prepare()
                self._fill()
                self.show()
                if not self.running and self.is_finished():
                    return
                time.sleep(POLL)
                self._poll()
        except KeyboardInterrupt:
            self.notify_stopping()
            raise
        finally:
            self.engine.stop([one.task for one in self.running])
            for one in self.running:
                self.release(one)

    def _fill(self) -> None:
        while len(self.running) < self.engine.workers and self.start_next():
            pass

    def _poll(self) -> None:
        for one in list(self.running):
            self.look(one)
            ending = one.task.ending()
            if ending is not None:
                self.running.remove(one)
                self.react(one, ending)
