"""A process for each network that ``model_step.py`` times: one works, the others wait.

So the allocator's setting, which holds for a whole process and which ``lt-bench train`` makes, is ours alone.
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
"""Matrix products and attention: what is left of a step when all else costs nothing."""
COMPILED_VARIANTS = 256
"""More than the blocks of a network, with and without gradient: none falls back to plain code."""


@dataclass(frozen=True)
class Entry:
    """A row: whose network, and how its process is set."""

    subject: str
    heap: bool = False
    """Keep freed memory (``lt_bench.training.environment``)."""
    compiled: bool = False
    """``torch.compile`` each block."""
    products_only: bool = False
    """Run just the matrix products and the attention of the step, on the tensors that they got in it."""

    @property
    def name(self) -> str:
        """As the table has it."""
        marks = [m for m, on in (("heap kept", self.heap), ("compiled", self.compiled)) if on]
        marks += ["products alone"] * self.products_only
        return self.subject + (f" ({', '.join(marks)})" if marks else "")


@dataclass(frozen=True)
class Taken:
    """Seconds of one call."""

    wall: float
    cpu: float


def measure(run: Callable[[], object], threads: int) -> Taken:
    """Time one call; ``cpu`` is the processor time of all threads divided by their number."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Taken(time.perf_counter() - wall, (time.process_time() - cpu) / threads)


class Recorder(TorchDispatchMode):
    """Keeps every product of what runs under it, with its operands."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., object], tuple[Any, ...], dict[str, Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run it; note it if it is a product."""
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
        """All of them again, in order."""
        for func, args, kwargs in self.calls:
            func(*args, **kwargs)


def products_of(run: Callable[[], object]) -> Callable[[], object]:
    """What runs only the products of ``run``."""
    with Recorder() as recorder:
        run()
    return recorder.replay


def serve(entry: Entry, release: Path | None, threads: int, pipe: Connection) -> None:
    """A process's main: build, then answer each task until told to stop with None."""
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
    """Of each task of a plain subject; in a process that ends, for attention in its plain form takes much memory."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_count, (name, release))


def _count(name: str, release: Path | None) -> dict[str, int]:
    subject = build(name, release)
    return {task: subject.operations(of(subject)) for task, of in TASKS.items()}


class Worker:
    """The far end of such a process."""

    def __init__(self, entry: Entry, release: Path | None, threads: int) -> None:
        context = get_context("spawn")
        self.entry = entry
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(entry, release, threads, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def wait(self) -> None:
        """Until it is built."""
        self._pipe.recv()

    def take(self, task: str) -> Taken:
        """Time one call of a task there."""
        self._pipe.send(task)
        return self._pipe.recv()

    def close(self) -> None:
        """Let it end."""
        self._pipe.send(None)
        self._process.join()
