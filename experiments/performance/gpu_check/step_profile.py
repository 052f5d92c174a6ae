"""Kernels and host synchronizations of a training step, counted by PyTorch's profiler."""

from __future__ import annotations

from typing import Any

from plan import Plan
from running import Figures
from torch.profiler import ProfilerActivity, profile
from training_step import GRADIENTS, UPDATE, TrainingStep

LAUNCHES = frozenset(
    ("cudaLaunchKernel", "cudaLaunchKernelExC", "cudaLaunchCooperativeKernel", "cuLaunchKernel", "cuLaunchKernelEx")
)
SYNCS = frozenset(("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy"))
STEPS = 3


def measure(plan: Plan) -> Figures:
    """Profile a few steps of the first preset in bfloat16, not compiled."""
    config = plan.run_config(plan.presets[0])
    step = TrainingStep(plan, config, plan.latent, plan.windows, plan.device)
    for _ in range(2):
        step()
    with profiler(plan) as found:
        for _ in range(STEPS):
            step()
    figures: dict[str, float | str] = {}
    for half, name in ((GRADIENTS, "gradients"), (UPDATE, "update")):
        figures |= {f"{name}_{key}": value / STEPS for key, value in count_calls(found, half, plan).items()}
    return figures


def profiler(plan: Plan) -> Any:
    """A profiler of what the host does and, on a GPU, of what it asks of CUDA."""
    cuda = [ProfilerActivity.CUDA] if plan.device == "cuda" else []
    return profile(activities=[ProfilerActivity.CPU, *cuda])


def count_calls(found: Any, within: str, plan: Plan) -> dict[str, int]:
    """Calls of all threads while the host was in a ``record_function`` of a name.

    Raises:
        RuntimeError: CUDA's calls were not recorded, so that none would be counted.
    """
    events = list(found.events())
    spans = [(e.time_range.start, e.time_range.end) for e in events if e.name == within and not _on_gpu(e)]
    inside = [e.name for e in events if any(start <= e.time_range.start <= end for start, end in spans)]
    counts = {"operators": sum(name.startswith("aten::") for name in inside)}
    if plan.device == "cuda":
        counts |= {"kernels": sum(n in LAUNCHES for n in inside), "syncs": sum(n in SYNCS for n in inside)}
        if not counts["kernels"]:
            raise RuntimeError("expected the profiler to record launches of kernels, got none")
    return counts


def _on_gpu(event: Any) -> bool:
    return event.device_type.name != "CPU"
