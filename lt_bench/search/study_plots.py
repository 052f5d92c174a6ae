"""Plots of a study: history, importance, parallel coordinates, Pareto front, losses of pruned trials."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from lt_bench.files import atomic_path
from lt_bench.search.attempt import place_of
from lt_bench.search.parallel_plot import draw_parallel
from lt_bench.search.shared_study import SharedStudy

LEAST = 4
"""Complete trials that importance needs at least."""
QUANTILE = 0.25
"""Share of the best trials for which importance is computed (PED-ANOVA, arXiv 2304.10255)."""
DPI = 150
PANELS_ACROSS = 3
"""Panels per row in the plot of pairs of objectives."""


@dataclass
class Plots:
    """Plots that were drawn, and the reasons why others were not."""

    made: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def draw_plots(study: SharedStudy, folder: Path) -> Plots:
    """Draw all plots for which the study has enough trials, as PNG."""
    plots, whole = Plots(), [t for t in study.latest() if t.state == TrialState.COMPLETE]
    if not whole:
        plots.missing["all"] = "no trial is complete"
        return plots

    def save(name: str, draw: Callable[[], Figure]) -> None:
        plots.made[name] = folder / f"{name}.png"
        _save(plots.made[name], draw)

    for k, objective in enumerate(study.objectives):
        save(f"history-{objective.name}", lambda k=k: _history(study, whole, k))
        save(f"parallel-{objective.name}", lambda k=k: draw_parallel(study.space, whole, study.objectives[k], k))
        reason = _no_importance([trial.values[k] for trial in whole])
        if reason:
            plots.missing[f"importance-{objective.name}"] = reason
        else:
            save(f"importance-{objective.name}", lambda k=k: _importance(study, k))
    if len(study.objectives) > 1:
        save("pareto", lambda: _pareto(study, whole))
    elif any(trial.intermediate_values for trial in study.latest()):
        save("losses", lambda: _losses(study))
    return plots


def _no_importance(values: Sequence[float]) -> str:
    if len(values) < LEAST:
        return f"needs {LEAST} complete trials, has {len(values)}"
    return "every trial has the same value" if len(set(values)) == 1 else ""


def _save(path: Path, draw: Callable[[], Figure]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes")  # known: see _importance
        figure = draw()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=DPI, bbox_inches="tight")
        plt.close(figure)


def _history(study: SharedStudy, whole: Sequence[FrozenTrial], k: int) -> Figure:
    objective = study.objectives[k]
    numbers, values = [place_of(trial) for trial in whole], np.array([trial.values[k] for trial in whole])
    best = np.minimum.accumulate(values) if objective.direction == "minimize" else np.maximum.accumulate(values)
    figure, axes = plt.subplots(figsize=(7, 4.2))
    axes.scatter(numbers, values, label="trial")
    axes.step(numbers, best, where="post", color="tab:red", label="best so far")
    axes.set(xlabel="trial", ylabel=f"{objective.name} ({objective.direction})", title=f"{objective.name} by trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def _importance(study: SharedStudy, k: int) -> Figure:
    objective = study.objectives[k]
    sign = 1.0 if objective.direction == "minimize" else -1.0  # the evaluator minimises
    found = get_param_importances(
        study.study,
        evaluator=PedAnovaImportanceEvaluator(target_quantile=QUANTILE),
        target=lambda trial: sign * trial.values[k],
    )
    figure, axes = plt.subplots(figsize=(7, 1.2 + 0.45 * len(found)))
    bars = axes.barh(list(found), list(found.values()))
    axes.bar_label(bars, fmt="%.2f", padding=3)
    count = sum(trial.state == TrialState.COMPLETE for trial in study.latest())
    axes.set(xlabel=f"importance for the best {QUANTILE:.0%} by {objective.name} (PED-ANOVA, {count} trials)")
    axes.invert_yaxis()
    axes.margins(x=0.12)
    return figure


def _losses(study: SharedStudy) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 4.5))
    sign = -1.0 if study.objectives[0].direction == "maximize" else 1.0
    for trial in study.latest():
        points = sorted(trial.intermediate_values.items())
        pruned = trial.state == TrialState.PRUNED
        steps, losses = [step for step, _ in points], [sign * value for _, value in points]
        axes.plot(steps, losses, "x:" if pruned else "-", alpha=0.7, label=f"trial {place_of(trial)}")
    axes.set(xlabel="training step", ylabel="validation loss", title="Validation loss (dotted: pruned)")
    if len(study.latest()) <= 20:
        axes.legend(fontsize="x-small", ncols=2)
    return figure


def _pareto(study: SharedStudy, whole: Sequence[FrozenTrial]) -> Figure:
    pairs = list(combinations(range(len(study.objectives)), 2))
    across = min(len(pairs), PANELS_ACROSS)
    down = -(-len(pairs) // across)
    figure, grid = plt.subplots(down, across, figsize=(5 * across, 4.5 * down), squeeze=False)
    for axes in grid.flat[len(pairs) :]:
        axes.remove()
    front = {trial.number for trial in study.best()}
    for axes, (a, b) in zip(grid.flat, pairs, strict=False):
        for on_front, style in ((False, {"color": "0.7"}), (True, {"color": "tab:red"})):
            some = [trial for trial in whole if (trial.number in front) == on_front]
            label = "Pareto front" if on_front else "dominated"
            axes.scatter([t.values[a] for t in some], [t.values[b] for t in some], label=label, **style)
        for trial in whole:
            if trial.number in front:
                axes.annotate(
                    str(place_of(trial)), (trial.values[a], trial.values[b]), (4, 4), textcoords="offset points"
                )
        names = [f"{study.objectives[k].name} ({study.objectives[k].direction})" for k in (a, b)]
        axes.set(xlabel=names[0], ylabel=names[1])
    grid[0][0].legend()
    figure.suptitle("Pareto front over all objectives; numbers are trials")
    figure.tight_layout()
    return figure
