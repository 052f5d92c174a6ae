"""The device and its two ceilings: the rate of matrix products in bfloat16, and that of copies."""

from __future__ import annotations

import platform

import torch
from plan import Plan
from running import Figures
from timing import median_seconds


def measure(plan: Plan) -> Figures:
    """Name and size of the device, and what it reaches."""
    a, b = (torch.randn(plan.product, plan.product, device=plan.device, dtype=torch.bfloat16) for _ in range(2))
    target = torch.empty_like(a)
    product = median_seconds(lambda: torch.mm(a, b, out=target), plan.device, plan.rounds)
    copy = median_seconds(lambda: target.copy_(a), plan.device, plan.rounds)
    return {
        **_device(plan.device),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "may_use_cuda": not torch.cuda._is_in_bad_fork(),
        "product_tflops": 2 * plan.product**3 / product / 1e12,
        "copy_gb_per_second": 2 * a.nbytes / copy / 1e9,
    }


def _device(device: str) -> Figures:
    if device == "cpu":
        return {"name": platform.processor() or platform.machine(), "devices": 1}
    found = torch.cuda.get_device_properties(0)
    capability = f"{found.major}.{found.minor}"
    return {
        "name": found.name,
        "devices": torch.cuda.device_count(),
        "capability": capability,
        "memory_bytes": found.total_memory,
        "cuda": torch.version.cuda or "",
    }
