"""Processes of the networks that ``model_step.py`` times: one works while the others wait.

The allocator's setting of ``lt-bench train`` applies to a whole process, so it must not affect the peers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from subjects import Subject, build
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lt_bench.training.environment import freed_memory_kept

TASKS: dict[str, Callable[[Subject], Callable[[], object]]] = {
    "sampling step": lambda s: s.sample_step,
    "training step": lambda s: s.train_step,
}
PRODUCTS = {
    torch.ops.aten.mm.default,
    torch.ops.aten.addmm.default,
    torch.ops.aten.bmm.default,
    torch.ops.aten.baddbmm.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward.default,
}
"""Matrix products and attention, which bound the time of a step."""
COMPILED_VARIANTS = 256
"""More than the blocks of a network, with and without gradient, so that none falls back to uncompiled code."""


@dataclass(frozen=True)
class Entry:
    """A row of the table: its network, and the settings of its process."""

    subject: str
    heap: bool = False
    """Keep freed memory (``lt_bench.training.environment``)."""
    compiled: bool = False
    """``torch.compile`` each block."""
    products_only: bool = False
    """Run only the matrix products and the attention of the step, on their recorded inputs."""

    @property
    def name(self) -> str:
        """Return the name in the table."""
        marks = [m for m, on in (("heap kept", self.heap), ("compiled", self.compiled)) if on]
        marks += ["products alone"] * self.products_only
        return self.subject + (f" ({', '.join(marks)})" if marks else "")


@dataclass(frozen=True)
class Taken:
    """Wall and processor seconds of one call."""

    wall: float
    cpu: float


def measure(run: Callable[[], object], threads: int) -> Taken:
    """Time one call; ``cpu`` is the processor time of all threads divided by their number."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Taken(time.perf_counter() - wall, (time.process_time() - cpu) / threads)


class Recorder(TorchDispatchMode):
    """Records every product of the code that runs in its context, with its operands."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function and record it if it is a product."""
        kwargs = kwargs or {}
        with self:  # without gradients, a linear layer comes whole
            out = NotImplemented if func in PRODUCTS else func.decompose(*args, **kwargs)
        if out is not NotImplemented:
            return out
        out = func(*args, **kwargs)
        if func in PRODUCTS:
            kept = tuple(a.detach() if isinstance(a, Tensor) else a for a in args)
            self.calls.append((func, kept, kwargs))
        return out

    @torch.no_grad()
    def replay(self) -> None:
        """Run all recorded products again, in order."""
        for func, args, kwargs in self.calls:
            func(*args, **kwargs)


def products_of(run: Callable[[], object]) -> Callable[[], object]:
    """Return a function that runs only the products of ``run``."""
    with Recorder() as recorder:
        run()
    return recorder.replay


def serve(entry: Entry, release: Path | None, threads: int, pipe: Connection) -> None:
    """Run the process: build the network, then execute each task until None is received."""
    with freed_memory_kept() if entry.heap else nullcontext():
        _serve(entry, release, threads, pipe)


def _serve(entry: Entry, release: Path | None, threads: int, pipe: Connection) -> None:
    torch.set_num_threads(threads)
    subject = build(entry.subject, release)
    if entry.compiled:
        torch._dynamo.config.recompile_limit = COMPILED_VARIANTS
        subject.compile_blocks()
    tasks = {task: of(subject) for task, of in TASKS.items()}
    if entry.products_only:
        tasks = {task: products_of(run) for task, run in tasks.items()}
    pipe.send("ready")
    for task in iter(pipe.recv, None):
        pipe.send(measure(tasks[task], threads))


def count_operations(name: str, release: Path | None) -> dict[str, int]:
    """Count the operations of each task of a plain subject, in a separate process, as plain attention needs memory."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_count, (name, release))


def _count(name: str, release: Path | None) -> dict[str, int]:
    subject = build(name, release)
    return {task: subject.operations(of(subject)) for task, of in TASKS.items()}


class Worker:
    """Handle of such a process."""

    def __init__(self, entry: Entry, release: Path | None, threads: int) -> None:
        context = get_context("spawn")
        self.entry = entry
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(entry, release, threads, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Wait until the network is built."""
        self._pipe.recv()

    def take(self, task: str) -> Taken:
        """Time one call of a task in the process."""
        self._pipe.send(task)
        return self._pipe.recv()

    def close(self) -> None:
        """End the process and wait for it."""
        self._pipe.send(None)
        self._process.join()
