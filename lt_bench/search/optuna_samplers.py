"""Optuna's samplers and pruners with every setting pinned by the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lt_bench.config import PrunerConfig, SearchSamplerConfig
from lt_bench.search.attempt import place_among


class TrialSeededSampler(BaseSampler):
    """A sampler that is created anew for each trial, from the configured seed and the trial's place in the study.

    Suggestions depend only on the finished trials, the seed and the place: not on the command that makes them, nor on
    interrupted attempts. Two commands with one seed never draw the same numbers.
    """

    def __init__(self, config: SearchSamplerConfig) -> None:
        self.config = config
        self._inner = _build(config, config.seed)

    def reseed_rng(self) -> None:
        """Do nothing, because seeds follow from the trials."""

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Create the sampler of a trial."""
        # Of the whole study: Hyperband hands over a view that holds the trials of one bracket alone.
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        self._inner = _build(self.config, _mix(self.config.seed, place_among(trial, trials)))
        self._inner.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Pass the end of a trial on to its sampler."""
        self._inner.after_trial(study, trial, state, values)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the keys that are sampled jointly."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the keys that are sampled jointly."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of a key that is sampled independently."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)


def _mix(seed: int, number: int) -> int:
    import numpy as np

    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def _build(config: SearchSamplerConfig, seed: int) -> BaseSampler:
    if config.name == "tpe":
        return TPESampler(
            n_startup_trials=config.startup_trials,
            n_ei_candidates=config.candidates,
            multivariate=config.multivariate,
            group=False,
            constant_liar=config.constant_liar,
            seed=seed,
        )
    if config.name == "gp":
        return GPSampler(
            seed=seed,
            n_startup_trials=config.startup_trials,
            deterministic_objective=False,
            independent_sampler=RandomSampler(seed=seed),
            warn_independent_sampling=False,
        )
    if config.name == "nsga2":
        return NSGAIISampler(
            population_size=config.population,
            mutation_prob=None,
            crossover=optuna.samplers.nsgaii.UniformCrossover(swapping_prob=0.5),
            crossover_prob=0.9,
            swapping_prob=0.5,
            seed=seed,
        )
    return RandomSampler(seed=seed)


def build_pruner(config: PrunerConfig, steps: int) -> BasePruner:
    """Build the pruner; ``steps`` is the length of a whole training."""
    if config.name == "median":
        return MedianPruner(config.startup_trials, config.warmup_steps, interval_steps=1, n_min_trials=1)
    if config.name == "percentile":
        return PercentilePruner(
            config.percentile, config.startup_trials, config.warmup_steps, interval_steps=1, n_min_trials=1
        )
    if config.name == "successive_halving":
        return SuccessiveHalvingPruner(
            min_resource=config.min_resource,
            reduction_factor=config.reduction_factor,
            min_early_stopping_rate=0,
            bootstrap_count=0,
        )
    if config.name == "hyperband":
        return HyperbandPruner(
            min_resource=config.min_resource,
            max_resource=steps,
            reduction_factor=config.reduction_factor,
            bootstrap_count=0,
        )
    return NopPruner()
