"""Training steps of a preset: steps a second, model FLOPs utilization and peak memory."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from plan import Plan
from running import Figures
from timing import mean_seconds, wait
from torch._dynamo.utils import counters
from training_step import TrainingStep

from lt_bench.config import ModelConfig
from lt_bench.models.memory import Memory, training_memory
from lt_bench.models.model_summary import describe

ROOM = 0.8
"""Share of the GPU's memory that a step may be counted to take."""


@dataclass(frozen=True)
class Measure:
    """Measures the training steps of one preset."""

    preset: str
    compiled: bool

    def __call__(self, plan: Plan) -> Figures:
        """Time steps in bfloat16, with as many of the plan's windows as fit."""
        config = plan.run_config(self.preset, compile=self.compiled)
        memory = training_memory(config.model, plan.latent, plan.speech)
        windows = _fitting_windows(plan, memory)
        step = TrainingStep(plan, config, plan.latent, windows, plan.device)
        started = time.perf_counter()
        step()
        wait(plan.device)
        first = time.perf_counter() - started
        seconds = mean_seconds(step, plan.device, plan.rounds)
        operations = windows * training_operations(config.model, plan)
        figures: dict[str, float | str] = {
            "windows": windows,
            "steps_per_second": 1 / seconds,
            "tflop_per_step": operations / 1e12,
            "mfu": operations / seconds / (plan.peak_tflops * 1e12),
            "first_step_seconds": first,
        }
        if self.compiled:
            figures["graphs"] = counters["stats"]["unique_graphs"]
        if plan.device == "cuda":
            counted = memory.per_gpu(1, "ddp", "bf16", windows, checkpointing=False)
            peak = torch.cuda.max_memory_allocated()
            figures |= {"peak_bytes": peak, "counted_bytes": counted, "memory_error": abs(peak / counted - 1)}
        return figures


def training_operations(model: ModelConfig, plan: Plan) -> int:
    """Operations of one window's step: two a multiply-accumulate, and a backward pass costs twice a forward pass."""
    found = describe(model, plan.latent, plan.speech)
    return 3 * 2 * (found.macs_window + found.macs_step)


def _fitting_windows(plan: Plan, memory: Memory) -> int:
    windows = plan.windows
    if plan.device == "cuda":
        room = ROOM * torch.cuda.get_device_properties(0).total_memory
        while windows > 1 and memory.per_gpu(1, "ddp", "bf16", windows, checkpointing=False) > room:
            windows //= 2
    return windows
