"""Claims of docs/how-to/train-on-clusters.md, and whether the measurements confirm them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from running import Outcome

SHORTFALL = 0.8
"""Share of an estimated utilization that must be reached."""
KERNELS = 960 + 1472
"""Counted of a step of preset S, forward and backward."""


@dataclass(frozen=True)
class Claim:
    """A figure of a part, and its limit."""

    text: str
    part: str
    figure: str
    bound: Literal["at most", "at least"]
    limit: float


@dataclass(frozen=True)
class Verdict:
    """Whether a claim holds; None where it was not measured, for ``reason``."""

    claim: Claim
    measured: float | None
    holds: bool | None
    reason: str | None


def _utilization(preset: str, mode: str, estimate: float) -> Claim:
    text = f"MFU of {preset}, {mode}: estimated {estimate:.0%}"
    return Claim(text, f"{mode} {preset}", "mfu", "at least", SHORTFALL * estimate)


CLAIMS = (
    Claim("A step gives the CPU's loss", "parity", "loss", "at most", 1e-5),
    Claim("A step gives the CPU's gradients", "parity", "gradient", "at most", 1e-3),
    Claim("A step gives the CPU's update of the weights", "parity", "update", "at most", 1e-2),
    Claim("A step gives the CPU's weight average", "parity", "average", "at most", 1e-4),
    Claim("A prediction in bf16 is that of fp32 within 1%", "parity", "prediction_bf16", "at most", 1e-2),
    Claim("Forward and backward never wait for the GPU", "profile", "gradients_syncs", "at most", 0),
    Claim("Clipping, update and average never wait for the GPU", "profile", "update_syncs", "at most", 0),
    Claim("`train` never waits for the GPU between logging steps", "training", "syncs", "at most", 0),
    Claim("Kernels of forward and backward: counted", "profile", "gradients_kernels", "at most", 1.1 * KERNELS),
    Claim("Blocks compile into at most 3 variants", "compiled S", "graphs", "at most", 3),
    *(Claim(f"Memory of {name} is what was counted", f"eager {name}", "memory_error", "at most", 0.1)
      for name in ("S", "B", "XL")),
    *(_utilization(*row) for row in (
        ("S", "eager", 0.22), ("B", "eager", 0.34), ("XL", "eager", 0.43),
        ("S", "compiled", 0.28), ("B", "compiled", 0.42), ("XL", "compiled", 0.51))),
    Claim("Several GPUs train what one does: losses", "several devices", "loss_error", "at most", 1e-5),
    Claim("Several GPUs train what one does: weights", "several devices", "weight_error", "at most", 1e-5),
)  # fmt: skip


def judge(claim: Claim, outcomes: Sequence[Outcome]) -> Verdict:
    """Look a claim's figure up and compare it with the limit."""
    found = next((outcome for outcome in outcomes if outcome.name == claim.part), None)
    if found is None:
        return Verdict(claim, None, None, f"this run has no part '{claim.part}'")
    if found.figures is None:
        return Verdict(claim, None, None, found.missing)
    value = found.figures.get(claim.figure)
    if not isinstance(value, (int, float)):
        return Verdict(claim, None, None, "not measured on this device")
    holds = value <= claim.limit if claim.bound == "at most" else value >= claim.limit
    return Verdict(claim, float(value), holds, None)
