"""What a search may be, and what is refused before anything is spent."""

from __future__ import annotations

import inspect
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import GPSampler, NSGAIISampler, TPESampler

from lt_bench.config import PrunerConfig, SearchConfig, SearchSamplerConfig, load_config
from lt_bench.errors import CheckpointError, ConfigError
from lt_bench.search import optuna_samplers as samplers
from lt_bench.search.space import trial_config

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments" / "search"


def test_ranges_follow_the_kind_of_their_key(make_plan):
    plan = make_plan(
        space={
            "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
            "sampling.steps": {"low": 2, "high": 10, "step": 2},
            "model.fusion.audio": {"choices": ["direct", "symbiotic"]},
        }
    )
    assert plan.space["train.learning_rate"] == FloatDistribution(1e-4, 1e-2, log=True)
    assert plan.space["sampling.steps"] == IntDistribution(2, 10, step=2)
    assert plan.space["model.fusion.audio"] == CategoricalDistribution(("direct", "symbiotic"))
    config = trial_config(plan.base, {"sampling.steps": 4, "model.fusion.audio": "symbiotic"})
    assert (config.sampling.steps, config.model.fusion.audio) == (4, "symbiotic")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "at least one key"),
        ({"train.learnign_rate": {"low": 0, "high": 1}}, "expected a key of a run"),
        ({"sampling.sampler": {"choices": ["ddim", "dddim"]}}, "sampling.sampler: expected one of ddim, .* 'dddim'"),
        ({"sampling.steps": {"low": 1.5, "high": 4}}, "whole numbers, got 1.5"),
        ({"sampling.steps": {"low": 1}}, "expected low and high, or choices"),
        ({"sampling.steps": {"low": 1, "high": 2, "choices": [1]}}, "either choices or low and high"),
        ({"sampling.audio_scale": {"low": 3, "high": 2}}, "space.sampling.audio_scale"),
        ({"sampling.sampler": {"low": 0, "high": 1}}, "expected choices, since its value is no number"),
        ({"sampling.sampler": {"choices": ["magic"]}}, "space.sampling.sampler"),
        ({"evaluation.clips": {"choices": [1, 2]}}, "leaves trials comparable"),
        ({"data.codec": {"choices": ["dct", "taef2"]}}, "leaves trials comparable"),
    ],
)
def test_a_space_that_no_run_takes_is_refused_naming_the_key(space, words, make_plan):
    with pytest.raises(ConfigError, match=rf"s\.yaml: .*{words}"):
        make_plan(space=space)


@pytest.mark.parametrize("split", ["test", "train"])
def test_any_split_but_validation_is_refused(split, make_plan):
    with pytest.raises(ConfigError, match=f"evaluation.split': expected 'validation', got '{split}'"):
        make_plan(evaluation={"split": split})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"objectives": []}, "at least one score"),
        ({"objectives": [{"score": "beauty"}]}, "objectives.0': expected score to be one of .*got 'beauty'"),
        ({"objectives": [{"score": "lip_corr"}, {"score": "lip_corr"}]}, "each once"),
        ({"objectives": [{"score": "lip_corr", "direction": "minimize"}]}, "expected direction maximize"),
        ({"objectives": [{"score": "motion_ratio"}]}, "has no better end"),
        ({"trials": 0}, "key 'trials'"),
        ({"grace": 1}, "twice the heartbeat"),
        ({"train": {"nodes": 2}}, "train.nodes"),
        ({"pruner": {"name": "median"}, "train": {"validate_every": 0}}, "validate_every"),
        (
            {"pruner": {"name": "median"}, "objectives": [{"score": "lip_corr"}, {"score": "parameters"}]},
            "expected none with 2 objectives",
        ),
        (
            {"pruner": {"name": "median"}, "space": {"diffusion.mouth_weight": {"low": 1, "high": 4}}},
            "changes what the loss is",
        ),
        ({"checkpoint": "x", "space": {"train.seed": {"low": 0, "high": 4}}}, "a key of sampling"),
        (
            {"pruner": {"name": "median"}, "space": {"train.motion_noise": {"low": 0.0, "high": 0.5}}},
            "'train.motion_noise' changes what the loss is",
        ),
        ({"pruner": {"name": "median"}, "train": {"steps": 30, "validate_every": 30}}, "validate_every.*1 to 29"),
        ({"pruner": {"name": "hyperband", "min_resource": 30}}, "min_resource.*less than the 30 steps"),
        ({"pruner": {"name": "percentile", "percentile": 150}}, "percentile.*0 to 100, got 150"),
        ({"pruner": {"name": "hyperband", "reduction_factor": 1}}, "pruner.reduction_factor.*at least 2, got 1"),
        ({"pruner": {"name": "median", "startup_trials": -1}}, "pruner.startup_trials.*at least 0, got -1"),
        ({"sampler": {"name": "nsga2", "population": 1}}, "sampler.population.*at least 2, got 1"),
        ({"sampler": {"name": "tpe", "candidates": 0}}, "sampler.candidates.*at least 1, got 0"),
    ],
)
def test_a_search_that_cannot_run_is_refused_naming_the_key(changes, words, make_plan):
    with pytest.raises(ConfigError, match=rf"s\.yaml: .*{words}"):
        make_plan(**changes)


def test_a_checkpoint_that_is_not_there_is_refused(make_plan, tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        make_plan(checkpoint=str(tmp_path / "model.safetensors"))


def test_directions_are_the_scores_own_and_costs_are_minimised(make_plan):
    plan = make_plan(objectives=[{"score": "lip_corr"}, {"score": "fd_probe"}, {"score": "seconds_per_clip"}])
    assert [objective.direction for objective in plan.objectives] == ["maximize", "minimize", "minimize"]


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_committed_searches_are_valid(path, make_plan, monkeypatch):
    import dataclasses

    from lt_bench.search.search_plan import plan_search

    config = load_config(SearchConfig, path)
    # The checkpoint is made by the quickstart, so only that it is named can be checked here.
    plan = plan_search(dataclasses.replace(config, checkpoint=""), str(path))
    assert all(key.startswith("sampling.") for key in plan.space) or not config.checkpoint


def accepted(kind: type) -> set[str]:
    """What a sampler can be told, without what Optuna is about to remove."""
    gone = {"consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints", "gamma", "weights"}
    gone |= {"warn_independent_sampling", "constraints_func", "self"} if kind is TPESampler else {"self"}
    return set(inspect.signature(kind.__init__).parameters) - gone


@pytest.mark.parametrize(
    ("name", "kind", "left"),
    [
        ("tpe", TPESampler, set()),
        ("gp", GPSampler, {"constraints_func"}),
        (
            "nsga2",
            NSGAIISampler,
            {
                "mutation",
                "constraints_func",
                "elite_population_selection_strategy",
                "child_generation_strategy",
                "after_trial_strategy",
            },
        ),
    ],
)
def test_every_setting_of_a_sampler_is_pinned(name, kind, left, monkeypatch):
    """A setting that a later Optuna adds, with a default of its own, is noticed here."""
    told: dict[str, object] = {}
    monkeypatch.setattr(samplers, kind.__name__, lambda **settings: told.update(settings))
    samplers._build(SearchSamplerConfig(name=name), 0)
    assert set(told) == accepted(kind) - left


@pytest.mark.parametrize("name", ["none", "median", "percentile", "successive_halving", "hyperband"])
def test_every_pruner_can_be_built(name):
    assert samplers.build_pruner(PrunerConfig(name=name), 1000) is not None


@pytest.mark.parametrize("pruner", ["none", "successive_halving", "hyperband"])
def test_no_pruner_makes_trials_repeat_each_other(pruner):
    study = optuna.create_study(
        sampler=samplers.TrialSeededSampler(SearchSamplerConfig(name="random")),
        pruner=samplers.build_pruner(PrunerConfig(name=pruner, min_resource=1), 90),
    )
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    assert len({trial.params["x"] for trial in study.trials}) == 20
