"""Report of a search: a table of its trials, the best configurations as YAML, and a summary."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from lt_bench.config import to_yaml
from lt_bench.files import write_json, write_text
from lt_bench.search.attempt import REASON, place_of
from lt_bench.search.search_plan import SearchPlan
from lt_bench.search.shared_study import SharedStudy
from lt_bench.search.space import trial_config
from lt_bench.search.study_plots import draw_plots

TABLE, SUMMARY, BEST, FRONT, PLOTS = "trials.csv", "search.json", "best.yaml", "pareto", "plots"
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class SearchReport:
    """The summary and the paths of all files."""

    document: dict[str, Any]
    files: tuple[Path, ...]
    """Table, summary, configurations and plots."""


def write_report(plan: SearchPlan, study: SharedStudy) -> SearchReport:
    """Write all files from the study alone, whichever commands ran its trials."""
    trials = study.latest()[: plan.config.trials]
    best = study.best(trials)
    write_text(plan.out / TABLE, _table(plan, study, trials))
    configs = {place_of(trial): _write_config(plan, study, trial) for trial in best}
    plots = draw_plots(study, plan.out / PLOTS)
    document = {
        "name": plan.config.name,
        "out": str(plan.out),
        "objectives": [{"name": o.name, "direction": o.direction} for o in study.objectives],
        "trials": _counts(trials),
        "best": [_entry(study, trial, configs[place_of(trial)]) for trial in best],
        "failed": [{"trial": place_of(t), "reason": _reason(t)} for t in trials if t.state == TrialState.FAIL],
        "table": str(plan.out / TABLE),
        "plots": {name: str(path) for name, path in plots.made.items()},
        "plots_missing": plots.missing,
    }
    write_json(plan.out / SUMMARY, document)
    files = (plan.out / TABLE, plan.out / SUMMARY, *configs.values(), *plots.made.values())
    return SearchReport(document, files)


def _write_config(plan: SearchPlan, study: SharedStudy, trial: FrozenTrial) -> Path:
    number = place_of(trial)
    several = len(study.objectives) > 1
    path = plan.out / FRONT / f"trial-{number:04d}.yaml" if several else plan.out / BEST
    values = ", ".join(f"{o.name} {v:.6g}" for o, v in zip(study.objectives, trial.values, strict=True))
    place = "on the Pareto front" if several else "the best"
    head = f"# Trial {number} of search '{plan.config.name}', {place}: {values} on the validation split.\n"
    write_text(path, head + to_yaml(trial_config(plan.base, trial.params)))
    return path


def _counts(trials: list[FrozenTrial]) -> dict[str, int]:
    return {name: sum(trial.state == state for trial in trials) for state, name in STATES.items()}


def _entry(study: SharedStudy, trial: FrozenTrial, config: Path) -> dict[str, Any]:
    return {
        "trial": place_of(trial),
        "values": {o.name: v for o, v in zip(study.objectives, trial.values, strict=True)},
        "params": trial.params,
        "config": str(config),
    }


def _reason(trial: FrozenTrial) -> str:
    return trial.user_attrs.get(REASON, "unknown")


def _table(plan: SearchPlan, study: SharedStudy, trials: list[FrozenTrial]) -> str:
    names = [objective.name for objective in study.objectives]
    columns = ["trial", "state", *names, *plan.space, "last_step", "seconds", "host", "reason"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for trial in trials:
        complete = trial.state == TrialState.COMPLETE
        row = {
            "trial": place_of(trial),
            "state": STATES[trial.state],
            **(dict(zip(names, trial.values, strict=True)) if complete else {}),
            **{key: trial.params.get(key, "") for key in plan.space},
            "last_step": "" if trial.last_step is None else trial.last_step,
            "seconds": round(trial.duration.total_seconds(), 1) if trial.duration else "",
            "host": trial.user_attrs.get("host", ""),
            "reason": _reason(trial) if trial.state == TrialState.FAIL else "",
        }
        writer.writerow(row)
    return text.getvalue()
