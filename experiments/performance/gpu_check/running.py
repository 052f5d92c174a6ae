"""Parts of the check: each in a separate process, so that none can spoil another's GPU context or time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection

from plan import Plan

Figures = Mapping[str, float | str]
GRACE = 5
"""Seconds that a process has to end after it has answered."""


@dataclass(frozen=True)
class Part:
    """One part of the check with its time limit."""

    name: str
    measure: Callable[[Plan], Figures]
    seconds: float
    """After which it is ended."""


@dataclass(frozen=True)
class Outcome:
    """What a part has measured; ``figures`` is None exactly when ``missing`` says why."""

    name: str
    figures: Figures | None
    missing: str | None
    seconds: float


def missing(part: Part, reason: str, seconds: float = 0.0) -> Outcome:
    """The outcome of a part that has measured nothing."""
    return Outcome(part.name, None, reason, round(seconds, 1))


def run_part(part: Part, plan: Plan, limit: float) -> Outcome:
    """Measure a part in a forked process, and end it with all processes that it started.

    Args:
        part: what to measure.
        plan: its sizes.
        limit: seconds after which it is ended.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    started = time.monotonic()
    process = context.Process(target=_serve, args=(theirs, part, plan))
    process.start()
    theirs.close()
    try:
        if not ours.poll(limit):
            return missing(part, f"not done within {limit:.0f} s", limit)
        figures, reason = ours.recv()
    except EOFError:
        process.join()
        return missing(part, f"its process ended with exit code {process.exitcode}", time.monotonic() - started)
    else:
        process.join(GRACE)
        return Outcome(part.name, figures, reason, round(time.monotonic() - started, 1))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.kill()  # a process that has not yet created its own group
        process.join()


def _serve(pipe: Connection, part: Part, plan: Plan) -> None:
    os.setsid()
    try:
        answer = dict(part.measure(plan)), None
    except BaseException as error:  # noqa: BLE001 - the reason goes into the result
        traceback.print_exc()
        answer = None, " ".join(f"{type(error).__name__}: {error}".split())[:300]
    pipe.send(answer)
