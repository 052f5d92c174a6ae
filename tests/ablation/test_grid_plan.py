"""Plans of a grid, and folders of other configurations."""

from __future__ import annotations

import dataclasses

import pytest

from lt_bench.ablation.grid_plan import check_experiment, plan_jobs
from lt_bench.config import FusionConfig, ModelConfig, SamplingConfig, to_yaml
from lt_bench.conventions import CONFIG_FILE
from lt_bench.errors import ConfigError
from lt_bench.jobs.folder import check_folder

FUSIONS = ("direct", "siamese", "symbiotic")


def test_a_job_for_each_cell_and_seed_with_its_own_configuration(experiment):
    config = experiment("direct-siamese", "symbiotic-direct", seeds=(0, 3))
    config = dataclasses.replace(config, sampling=SamplingConfig(seed=10))
    jobs = plan_jobs(config)
    assert [job.name for job in jobs] == [
        "direct-siamese/seed0",
        "symbiotic-direct/seed0",
        "direct-siamese/seed3",
        "symbiotic-direct/seed3",
    ]
    last = jobs[-1].config
    assert (last.model.fusion.portrait, last.model.fusion.audio) == ("symbiotic", "direct")
    assert (last.train.seed, last.sampling.seed) == (3, 13)
    assert jobs[0].folder.parts[-3:] == ("cells", "direct-siamese", "seed0")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": ()}, "key 'cells'.*got none"),
        ({"seeds": ()}, "key 'seeds'.*got none"),
        ({"seeds": (1, 1)}, "key 'seeds'.*'1' twice"),
        ({"seeds": (-1,)}, "key 'seeds'.*-1"),
        ({"max_parallel": 0}, "key 'max_parallel'.*got 0"),
        (
            {"model": ModelConfig(fusion=FusionConfig("direct", "siamese"))},
            r"key 'model.fusion'.*cells=\[{portrait: direct, audio: siamese}\]",
        ),
    ],
)
def test_a_grid_that_cannot_run_is_refused_naming_the_key(changes, words, experiment):
    config = dataclasses.replace(experiment("direct-direct"), **changes)
    with pytest.raises(ConfigError, match=f"e.yaml: {words}"):
        check_experiment(config, FUSIONS, "e.yaml")


def test_more_axes_multiply_the_jobs_and_name_the_rows(experiment):
    grid = {"sampling.audio_scale": (1.0, 2), "diffusion.prediction": ("sample", "velocity")}
    config = dataclasses.replace(experiment("direct-direct", seeds=(0, 1)), grid=grid)
    check_experiment(config, FUSIONS, "e.yaml")
    jobs = plan_jobs(config)
    assert len(jobs) == len({job.folder for job in jobs}) == 8
    last = jobs[-1]
    assert last.name == "direct-direct,audio_scale=2,prediction=velocity/seed1"
    assert (last.config.sampling.audio_scale, last.config.diffusion.prediction) == (2.0, "velocity")
    assert last.config.evaluation.system == "direct-direct,audio_scale=2,prediction=velocity"


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"sampling.stps": (1, 2)}, "key 'grid': expected dotted keys of a run.*got 'sampling.stps'"),
        ({"sampling.steps": ("many",)}, "key 'sampling.steps': expected a valid integer.*got 'many'"),
        ({"sampling.steps": ()}, "key 'grid.sampling.steps': expected at least one value"),
        ({"sampling.steps": (4, 4)}, "key 'grid.sampling.steps': expected each once"),
        ({"train.seed": (1, 2)}, "key 'grid': expected axes beside cells"),
        ({"model.fusion.audio": ("direct",)}, "key 'grid': expected axes beside cells"),
    ],
)
def test_axes_that_cannot_be_are_refused_naming_them(grid, words, experiment):
    with pytest.raises(ConfigError, match=words):
        check_experiment(dataclasses.replace(experiment("direct-direct"), grid=grid), FUSIONS, "e.yaml")


def test_unknown_fusions_and_cells_twice_are_refused(experiment):
    with pytest.raises(
        ConfigError, match=r"cells.1.audio.*expected one of direct, siamese, symbiotic, got 'telepathy'"
    ):
        check_experiment(experiment("direct-direct", "direct-telepathy"), FUSIONS, "e.yaml")
    with pytest.raises(ConfigError, match="'direct-direct' twice"):
        check_experiment(experiment("direct-direct", "direct-direct"), FUSIONS, "e.yaml")
    check_experiment(experiment("direct-direct"), FUSIONS, "e.yaml")


def test_a_folder_of_another_configuration_is_refused_naming_the_key(experiment):
    config = experiment("direct-direct")
    (job,) = plan_jobs(config)
    check_folder(job.folder, job.config)
    job.folder.mkdir(parents=True)
    (job.folder / CONFIG_FILE).write_text(to_yaml(job.config))
    check_folder(job.folder, job.config)
    (other,) = plan_jobs(dataclasses.replace(config, train=dataclasses.replace(config.train, steps=11)))
    with pytest.raises(ConfigError, match=r"expected train.steps: 11, got a run made with train.steps: 10"):
        check_folder(other.folder, other.config)
    # Where memory ran out, the same model can be made in smaller pieces or on more devices.
    free = dataclasses.replace(config.train, threads=2, log_every=7, accumulate=2, activation_checkpointing=True)
    (same,) = plan_jobs(dataclasses.replace(config, train=free))
    check_folder(same.folder, same.config)
