"""Searches whose workers are fake: quick processes that do as their trial's values say and measure nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lt_bench.config import SearchConfig, parse_config
from lt_bench.jobs import launch
from lt_bench.search.optuna_samplers import TrialSeededSampler, build_pruner
from lt_bench.search.search_plan import SearchPlan, plan_search
from lt_bench.search.shared_study import SharedStudy
from lt_bench.search.storage import open_storage

SEARCH: dict[str, Any] = {
    "name": "fake",
    "trials": 6,
    "workers": 2,
    "space": {"sampling.audio_scale": {"low": 0.0, "high": 4.0}, "sampling.steps": {"low": 1, "high": 9}},
    "objectives": [{"score": "lip_corr"}],
    "sampler": {"name": "tpe", "startup_trials": 3},
    "train": {"steps": 30, "validate_every": 10},
    "evaluation": {"split": "validation"},
    "heartbeat": 1,
    "grace": 3,
}


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., SearchConfig]:
    """Makes search configurations; keyword arguments change keys."""
    return lambda **changes: parse_config(SearchConfig, {**SEARCH, "out": str(tmp_path / "out"), **changes})


@pytest.fixture
def make_plan(make_config) -> Callable[..., SearchPlan]:
    """Makes checked searches."""
    return lambda **changes: plan_search(make_config(**changes), "s.yaml")


def open_study(plan: SearchPlan) -> SharedStudy:
    """The study of a search, as one command sees it."""
    config = plan.config
    storage, beats = open_storage(config.storage, plan.out, config.name, config.heartbeat, config.grace)
    study = SharedStudy(
        config.name,
        storage,
        beats,
        plan.objectives,
        plan.space,
        TrialSeededSampler(config.sampler),
        build_pruner(config.pruner, config.train.steps),
        config.retries,
    )
    study.check_facts(plan.facts("c" * 64))
    return study


@pytest.fixture
def opened() -> Callable[[SearchPlan], SharedStudy]:
    """Opens studies; twice for two commands."""
    return open_study


@pytest.fixture
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are ``fake_trial.py``."""
    script = Path(__file__).with_name("fake_trial.py")
    monkeypatch.setattr(launch, "COMMAND", (sys.executable, str(script)))
