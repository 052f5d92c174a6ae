"""The device's numbers compared with those of the CPU in float32: relative errors, as norms of whole vectors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from plan import Plan
from running import Figures
from torch import Tensor
from training_step import TrainingStep


@dataclass(frozen=True)
class _Step:
    """What one step gives, on the CPU."""

    prediction: Tensor
    loss: Tensor
    gradient: Tensor
    update: Tensor
    average: Tensor


def measure(plan: Plan) -> Figures:
    """Compare one training step of the first preset."""
    expected = _take(plan, "cpu", "fp32")
    found = _take(plan, plan.device, "fp32")
    low = _take(plan, plan.device, "bf16")
    same = {name: _error(getattr(found, name), value) for name, value in vars(expected).items()}
    return {**same, "prediction_bf16": _error(low.prediction, expected.prediction)}


def _take(plan: Plan, device: str, precision: str) -> _Step:
    config = plan.run_config(plan.presets[0], precision=precision)
    step = TrainingStep(plan, config, plan.parity_latent, 2, device)
    predictions: list[Tensor] = []
    handle = step.module.model.register_forward_hook(lambda module, inputs, output: predictions.append(output))
    before = _flat(step.module.parameters())
    loss = step.gradients()
    handle.remove()
    gradient = _flat(p.grad for p in step.module.parameters() if p.grad is not None)
    step.update()
    average = _flat(step.average.averaged_state().values())
    update = _flat(step.module.parameters()) - before
    return _Step(_flat(predictions), _flat([loss]), gradient, update, average)


def _flat(tensors: object) -> Tensor:
    return torch.cat([tensor.detach().double().cpu().flatten() for tensor in tensors])  # type: ignore[attr-defined]


def _error(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())
