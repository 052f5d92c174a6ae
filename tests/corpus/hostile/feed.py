"""A process that calls ``lt-bench`` again and again, and tells after each call what came of it.

Reads trials (JSON) on stdin, one a line; answers one line each on the file descriptor that its argument names.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil

LIMIT = 6 * 2**30
"""Bytes of private memory that may be asked for at all, lest a bomb takes the machine along."""


def peak() -> int:
    """The largest memory since ``forget_peak``, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    """Let the next ``peak`` count from here."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def held() -> int:
    """The memory that stays when all that is freed is given back, in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return psutil.Process().memory_info().rss


def call(main: Callable[[list[str]], int], arguments: list[str]) -> tuple[int | None, str]:
    """The exit code, and the traceback of what escaped."""
    try:
        return main(arguments), ""
    except SystemExit as stop:
        return (stop.code if isinstance(stop.code, int) else 1), ""
    except BaseException:  # a traceback is what is looked for
        return None, traceback.format_exc()


def serve(answers: io.TextIOWrapper) -> None:
    """Answer until stdin ends."""
    from lt_bench.cli.main import main

    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        trial = json.loads(line)
        # Bytes as a terminal gives them: names that are no UTF-8 arrive as they would from a shell.
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        os.environ |= trial["environment"]
        started = time.process_time()
        forget_peak()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code, escaped = call(main, trial["arguments"])
        said = {}
        for name, stream in (("stdout", out), ("stderr", err)):
            stream.flush()
            said[name] = stream.buffer.getvalue().decode("utf-8", "replace")
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        cost = {"peak": max(peak(), children), "seconds": time.process_time() - started, "held": held()}
        print(json.dumps({"code": code, "escaped": escaped, **said, **cost}), file=answers, flush=True)
        for name in trial["environment"]:
            del os.environ[name]


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
    with os.fdopen(int(sys.argv[1]), "w") as stream:
        serve(stream)
