"""Parallel coordinates: one line per trial, one axis per key, the objective last, the best trials on top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from lt_bench.search.trial_objective import Objective

TICKS = 5


def draw_parallel(
    space: dict[str, BaseDistribution], trials: Sequence[FrozenTrial], objective: Objective, k: int
) -> Figure:
    """Draw the complete trials of a study, colored by objective ``k``."""
    values = [trial.values[k] for trial in trials]
    low, high = min(values), max(values)
    shades = Normalize(low, high if high > low else low + 1.0)
    colours = plt.get_cmap("viridis" if objective.direction == "maximize" else "viridis_r")
    figure, axes = plt.subplots(figsize=(max(6.0, 1.9 * (len(space) + 1)), 4.6))
    better_last = sorted(trials, key=lambda t: t.values[k], reverse=objective.direction == "minimize")
    for trial in better_last:
        heights = [position(space[key], trial.params[key]) for key in space]
        best = trial is better_last[-1]
        axes.plot(
            range(len(space) + 1),
            [*heights, float(shades(trial.values[k]))],
            color=colours(shades(trial.values[k])),
            linewidth=2.5 if best else 1.2,
            alpha=1.0 if best else 0.7,
        )
    for x, (key, dimension) in enumerate(space.items()):
        _axis(axes, x, key, ticks(dimension))
    _axis(axes, len(space), objective.name, [(h, f"{low + h * (high - low):.3g}") for h in np.linspace(0, 1, TICKS)])
    axes.set(xlim=(-0.2, len(space) + 0.45), ylim=(-0.03, 1.03), title=f"Trials by {objective.name} (thick: the best)")
    axes.axis("off")
    figure.colorbar(ScalarMappable(shades, colours), ax=axes, label=f"{objective.name} ({objective.direction})")
    return figure


def position(dimension: BaseDistribution, value: Any) -> float:
    """Return the position of a value on its axis, 0 to 1."""
    if isinstance(dimension, CategoricalDistribution):
        return dimension.choices.index(value) / max(1, len(dimension.choices) - 1)
    assert isinstance(dimension, (FloatDistribution, IntDistribution))
    low, high = float(dimension.low), float(dimension.high)
    if low == high:
        return 0.0
    if dimension.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def ticks(dimension: BaseDistribution) -> list[tuple[float, str]]:
    """Return heights and labels of an axis."""
    if isinstance(dimension, CategoricalDistribution):
        return [(position(dimension, choice), str(choice)) for choice in dimension.choices]
    assert isinstance(dimension, (FloatDistribution, IntDistribution))
    low, high = float(dimension.low), float(dimension.high)
    spread = np.geomspace(low, high, TICKS) if dimension.log else np.linspace(low, high, TICKS)
    return [(position(dimension, value), f"{value:.3g}") for value in spread]


def _axis(axes: Axes, x: int, name: str, labels: Sequence[tuple[float, str]]) -> None:
    axes.plot([x, x], [0, 1], color="0.3", linewidth=1, zorder=0)
    axes.text(x, -0.05, name, ha="right", va="top", rotation=20, fontsize="small")
    for height, label in labels:
        axes.text(x + 0.03, height, label, va="center", fontsize="x-small", color="0.25")
