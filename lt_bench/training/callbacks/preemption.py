"""Saving a run at the end of its step when it is asked to stop, and requeueing its Slurm job."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import lightning.pytorch as pl
import torch
import torch.distributed as dist

from lt_bench.training.callbacks.step_callback import StepCallback, validation_follows

STOP = signal.SIGTERM
REQUEUE = signal.SIGUSR1
"""Signal of ``#SBATCH --signal=USR1@120``, sent two minutes before a job's time limit."""
PREEMPTED_CODE = 128 + signal.SIGTERM
AGREE_EVERY = 1.0
"""Seconds between two agreements of several processes on whether to stop; each waits for all their GPUs."""
MOST_STEPS = 1000
"""Maximum number of steps between two agreements."""


class Preempted(SystemExit):
    """Training was asked to stop and has saved everything; rerun the same command to resume."""

    def __init__(self, step: int) -> None:
        super().__init__(PREEMPTED_CODE)
        self.step = step


class Preemption(StepCallback):
    """Records SIGTERM (and SIGUSR1 in a Slurm job) and stops all processes after the same step.

    Lightning saves within its signal handler, perhaps in the middle of a step and at different steps in different
    processes, and stops on SIGTERM without saving. Its handlers are therefore replaced during training. A signal may
    reach one process or all. Processes agree about once per second (``AGREE_EVERY``), because agreeing at every step
    would be expensive.
    """

    def __init__(self, save: Callable[[pl.Trainer], None], validate_every: int = 0) -> None:
        """Set how to save, and which steps are validated first.

        Args:
            save: called as ``save(trainer)`` to write the checkpoint of the step.
            validate_every: value of ``train.validate_every``.
        """
        self.save, self.validate_every = save, validate_every
        self.received: set[int] = set()
        self._asked = False
        self._agreed_at = (0, 0.0)  # step and time of the last agreement of several processes
        self._next = 0  # the step of the next

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Install the signal handlers in place of Lightning's."""
        super().on_train_start(trainer, pl_module)
        self._agreed_at, self._next = (trainer.global_step, time.monotonic()), trainer.global_step
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may; whoever runs training in another one stops it his own way
        for number in (STOP, REQUEUE) if _slurm_job() else (STOP,):
            signal.signal(number, self._note)

    def on_step_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Save if asked to stop, and stop unless a validation follows.

        The validation runs because a resumed run does not repeat it. If it exceeds the job's remaining time, only its
        point in the curve is lost.
        """
        if trainer.world_size == 1 or trainer.global_step >= self._next:
            self._stop_if_told(trainer, now=not validation_follows(trainer, self.validate_every))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop if asked to; the curve contains this step's point."""
        if not trainer.sanity_checking:
            self._stop_if_told(trainer, now=True)

    def _stop_if_told(self, trainer: pl.Trainer, now: bool) -> None:
        """Save, and stop if ``now``, when any process was asked to stop and the run is not finished."""
        stop, again = self._agreed(trainer)
        if not (stop or again) or trainer.global_step >= trainer.max_steps:
            return
        self.save(trainer)
        if again and trainer.is_global_zero and not self._asked:
            self._asked = True
            requeue()
        if now:
            raise Preempted(trainer.global_step)

    def _note(self, number: int, frame: Any) -> None:
        self.received.add(number)

    def _agreed(self, trainer: pl.Trainer) -> tuple[bool, bool]:
        told = STOP in self.received, REQUEUE in self.received
        if trainer.world_size == 1:
            return told
        step, now = trainer.global_step, time.monotonic()
        pace = (now - self._agreed_at[1]) / max(1, step - self._agreed_at[0])
        steps = min(MOST_STEPS, max(1, int(AGREE_EVERY / max(pace, 1e-9))))
        flags = torch.tensor([*told, steps], dtype=torch.int32, device=trainer.strategy.root_device)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX)
        stop, again, steps = flags.tolist()
        self._agreed_at, self._next = (step, now), step + steps
        return bool(stop), bool(again)


@contextmanager
def signals_restored() -> Iterator[None]:
    """Restore the previous signal handlers after the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (STOP, REQUEUE)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def requeue() -> None:
    """Requeue this Slurm job; the output of a failing ``scontrol`` goes to stderr."""
    job = _slurm_job()
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"lt-bench train: scontrol requeue {job} failed: {error}; start the same command again", file=sys.stderr)


def _slurm_job() -> str:
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")
