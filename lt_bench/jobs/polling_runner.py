"""The loop that grids and searches share: start jobs on an engine, look at their workers, react to those that ended."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from lt_bench.jobs.engines.base import Ending, Engine, Task

POLL = 0.2
"""Seconds between two looks at the workers."""


class Running(Protocol):
    """A job whose worker was started."""

    @property
    def task(self) -> Task:
        """Its worker."""
        ...


R = TypeVar("R", bound=Running)


class PollingRunner(ABC, Generic[R]):
    """Runs jobs side by side until none is left; a subclass says which comes next and what an end means."""

    engine: Engine
    """Where workers run; it bounds how many run side by side."""
    running: list[R]
    """Jobs whose workers have not ended, in the order they were started."""

    @abstractmethod
    def start_next(self) -> bool:
        """Deal with the next job, and add it to ``running`` if a worker was started for it.

        Returns:
            Whether another job may follow at once; False where none can begin now.
        """

    @abstractmethod
    def react(self, one: R, ending: Ending) -> None:
        """React to the end of a worker, which is not in ``running`` any more."""

    @abstractmethod
    def show(self) -> None:
        """Show the progress; called several times a second."""

    @abstractmethod
    def is_finished(self) -> bool:
        """Tell whether nothing is left to start; asked only while no worker runs."""

    @abstractmethod
    def notify_stopping(self) -> None:
        """Tell the user that an interrupt is about to stop the workers."""

    def prepare(self) -> None:
        """Do what must be done in time before each round, such as a sign of life to other commands."""

    def look(self, one: R) -> None:
        """Look at what a worker has written so far; called before it is asked whether it ended."""

    def release(self, one: R) -> None:
        """Give back a job whose worker was stopped."""

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
