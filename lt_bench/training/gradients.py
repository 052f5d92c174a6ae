"""The norm of a step's gradients: measured, clipped and checked without waiting for a GPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from lt_bench.errors import TrainingError
from lt_bench.training.sharding import local_part, total_norm


class GradientGuard:
    """Clips gradients by their norm, and keeps gradients that are not finite from the weights.

    On the CPU, where reading a number is free, a gradient that is not finite raises an error at once. On a GPU the
    fused optimizer clips, or skips the whole update, by scalars that never leave the device (those of ``GradScaler``).
    The step is recorded there, and the next call of ``check`` raises the error.

    Args:
        limit: maximum norm; 0 for no clipping.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._norm: Tensor | None = None
        self._failure: Tensor | None = None  # step, norm and loss of the first bad step; the step is -1 where none was

    @property
    def norm(self) -> float:
        """Norm of the last step before clipping; reading it waits for a GPU."""
        return math.nan if self._norm is None else float(self._norm)

    def measure(self, gradients: Sequence[Tensor], loss: Tensor, step: int) -> None:
        """Compute the norm of a step's gradients, including shards of other processes.

        Raises:
            TrainingError: it is not finite (on the CPU).
        """
        self._norm = norm = total_norm(gradients)
        if reading_is_free(norm):
            if not math.isfinite(norm):
                raise _not_finite(step, float(norm), float(loss))
            return
        found = torch.stack([torch.full_like(norm, step), norm, loss.to(norm)]).double()
        if self._failure is None:
            self._failure = torch.full_like(found, -1)
        first = (self._failure[0] < 0) & ~torch.isfinite(norm)
        self._failure = torch.where(first, found, self._failure)

    def apply(self, optimizer: Optimizer, gradients: Sequence[Tensor], clip: bool = True) -> None:
        """Clip the gradients measured last; on a GPU, let the optimizer skip a step that is not finite."""
        norm = self._norm
        assert norm is not None, "measure first"
        clip = clip and self.limit > 0
        if reading_is_free(norm):
            if clip and float(norm) > self.limit:
                torch._foreach_mul_([local_part(g) for g in gradients], self.limit / (float(norm) + 1e-6))
            return
        fused: Any = optimizer  # reads these two attributes in its kernel
        fused.grad_scale = ((norm + 1e-6) / self.limit).clamp(min=1.0) if clip else None
        fused.found_inf = (~torch.isfinite(norm)).float()

    def check(self) -> None:
        """Raise an error for a skipped step; waits for a GPU.

        Raises:
            TrainingError: names the first such step.
        """
        if self._failure is None:
            return
        step, norm, loss = self._failure.tolist()
        if step >= 0:
            raise _not_finite(int(step), norm, loss)


def reading_is_free(value: Tensor) -> bool:
    """Return whether the host has the value already."""
    return value.device.type == "cpu"


def _not_finite(step: int, norm: float, loss: float) -> TrainingError:
    return TrainingError(
        f"training step {step}: expected a finite gradient, got norm {norm} and loss {loss}; "
        "lower train.learning_rate, or raise train.warmup_steps"
    )
