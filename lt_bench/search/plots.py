"""Plots of a study: history, importance, parallel coordinates, Pareto front, losses of pruned trials."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from optuna.exceptions import ExperimentalWarning
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as drawn

from lt_bench.files import atomic_path
from lt_bench.search.study import SharedStudy, origin_of

LEAST = 4
"""Complete trials before importance says anything at all."""
QUANTILE = 0.25
"""Importance is that for being among the best so many (PED-ANOVA, arXiv 2304.10255)."""
DPI = 150


@dataclass
class Plots:
    """The plots that could be made, and why the others could not."""

    made: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


def draw_plots(study: SharedStudy, folder: Path) -> Plots:
    """Draw what the study has the trials for, as PNG."""
    plots, whole = Plots(), [t for t in study.latest() if t.state == TrialState.COMPLETE]
    if not whole:
        plots.missing["all"] = "no trial is complete"
        return plots

    def save(name: str, draw: Callable[[], Figure]) -> None:
        plots.made[name] = folder / f"{name}.png"
        _save(plots.made[name], draw)

    for k, objective in enumerate(study.objectives):
        save(f"history-{objective.name}", lambda k=k: _history(study, k))
        save(f"parallel-{objective.name}", lambda k=k: _parallel(study, k))
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
    # Optuna's plots change matplotlib's style for good, and are experimental by name.
    with plt.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes")  # known: see _importance
        figure = draw()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=DPI, bbox_inches="tight")
        plt.close(figure)


def _figure(axes: Any) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _history(study: SharedStudy, k: int) -> Figure:
    axes = drawn.plot_optimization_history(
        study.study, target=lambda t: t.values[k], target_name=study.objectives[k].name
    )
    axes.set_title(f"{study.objectives[k].name} by trial")
    return _figure(axes)


def _parallel(study: SharedStudy, k: int) -> Figure:
    axes = drawn.plot_parallel_coordinate(
        study.study, params=list(study.space), target=lambda t: t.values[k], target_name=study.objectives[k].name
    )
    figure = _figure(axes)
    figure.set_size_inches(max(7.0, 2.2 * (len(study.space) + 1)), 4.5)
    return figure


def _importance(study: SharedStudy, k: int) -> Figure:
    objective = study.objectives[k]
    sign = 1.0 if objective.direction == "minimize" else -1.0  # the evaluator minimises
    axes = drawn.plot_param_importances(
        study.study,
        evaluator=PedAnovaImportanceEvaluator(target_quantile=QUANTILE),
        target=lambda t: sign * t.values[k],
        target_name=objective.name,
    )
    axes.set_title(f"Importance for the best {QUANTILE:.0%} by {objective.name}")
    return _figure(axes)


def _losses(study: SharedStudy) -> Figure:
    figure, axes = plt.subplots(figsize=(7, 4.5))
    sign = -1.0 if study.objectives[0].direction == "maximize" else 1.0
    for trial in study.latest():
        points = sorted(trial.intermediate_values.items())
        pruned = trial.state == TrialState.PRUNED
        steps, losses = [step for step, _ in points], [sign * value for _, value in points]
        axes.plot(steps, losses, "x:" if pruned else "-", alpha=0.7, label=f"trial {origin_of(trial)}")
    axes.set(xlabel="training step", ylabel="validation loss", title="Validation loss (dotted: pruned)")
    if len(study.latest()) <= 20:
        axes.legend(fontsize="x-small", ncols=2)
    return figure


def _pareto(study: SharedStudy, whole: Sequence[FrozenTrial]) -> Figure:
    pairs = list(combinations(range(len(study.objectives)), 2))
    figure, grid = plt.subplots(1, len(pairs), figsize=(5 * len(pairs), 4.5), squeeze=False)
    front = {trial.number for trial in study.best()}
    for axes, (a, b) in zip(grid[0], pairs, strict=True):
        for on_front, style in ((False, {"color": "0.7"}), (True, {"color": "tab:red"})):
            some = [trial for trial in whole if (trial.number in front) == on_front]
            label = "Pareto front" if on_front else "dominated"
            axes.scatter([t.values[a] for t in some], [t.values[b] for t in some], label=label, **style)
        for trial in whole:
            if trial.number in front:
                axes.annotate(
                    str(origin_of(trial)), (trial.values[a], trial.values[b]), (4, 4), textcoords="offset points"
                )
        names = [f"{study.objectives[k].name} ({study.objectives[k].direction})" for k in (a, b)]
        axes.set(xlabel=names[0], ylabel=names[1])
    grid[0][0].legend()
    figure.suptitle("Pareto front over all objectives; numbers are trials")
    figure.tight_layout()
    return figure
