"""Learning rate schedule."""

from __future__ import annotations

import math

from lt_bench.config import TrainConfig


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """Return the learning rate of optimizer step ``step`` (from 0), relative to ``config.learning_rate``.

    A linear warm-up whose first step is not zero is followed by a constant, or by half a cosine that reaches zero after
    the last step.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.decay == "constant":
        return 1.0
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
