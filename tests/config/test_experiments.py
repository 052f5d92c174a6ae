"""Every experiment of the repository can be run as it stands: its keys agree, and its models can be built."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from lt_bench.ablation.grid_plan import check_experiment, plan_jobs, settings_of
from lt_bench.config import ExperimentConfig, load_config
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.submission import check_submission, pack_submission
from lt_bench.models.build import build_model
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.fusion import FUSIONS
from lt_bench.perception.speech.base import build_speech_encoder
from lt_bench.training.config_check import check_run

FOLDER = Path(__file__).resolve().parents[2] / "experiments"
GRIDS = sorted(p for p in (FOLDER, FOLDER / "fusion_ablation") for p in p.glob("*.yaml") if not p.name.startswith("_"))
LATENTS, SPEECH = (4, 32, 32), (12, 768)
"""SD-VAE at 256 px, wav2vec2-base: what the paper's scale is."""
PAPER = {"s": 52.0, "b": 193.3, "l": 670.9}
"""Millions of parameters that the release's networks of these sizes have (portrait symbiotic, audio direct)."""


@pytest.mark.parametrize("path", GRIDS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_a_grid_of_the_repository_can_be_planned_and_its_keys_agree(path: Path) -> None:
    config = load_config(ExperimentConfig, path)
    check_experiment(config, FUSIONS.names(), str(path))
    jobs = plan_jobs(config)
    assert len(jobs) == len(config.cells) * len(config.seeds) * len(settings_of(config))
    for job in jobs:
        check_run(job.config)
    load_protocol(config.evaluation.protocol)
    build_codec(config.data.codec)  # weights are read at first use
    build_speech_encoder(config.data.speech_encoder)


def test_no_two_experiments_write_to_one_folder() -> None:
    outs = [load_config(ExperimentConfig, path).out for path in GRIDS]
    assert len(set(outs)) == len(outs)


@pytest.mark.parametrize("size", PAPER)
def test_a_paper_scale_experiment_is_the_released_model(size: str) -> None:
    config = load_config(ExperimentConfig, FOLDER / "fusion_ablation" / f"hdtf_{size}.yaml")
    assert (config.data.resolution, config.data.codec.partition(":")[0]) == (256, "kl")
    assert (config.train.steps, config.train.learning_rate, config.train.precision) == (300_000, 1e-4, "bf16")
    models = {job.system: job.config.model for job in plan_jobs(config)}
    assert len(models) == 10
    with torch.device("meta"):
        released = build_model(models["symbiotic-direct"], LATENTS, SPEECH)
    projector = sum(p.numel() for n, p in released.named_parameters() if n.startswith("audio_projector"))
    counted = sum(p.numel() for p in released.parameters()) - projector
    assert counted / 1e6 == pytest.approx(PAPER[size], abs=0.05)
    if size == "s":  # the same parts in every size
        with torch.device("meta"):
            for model in models.values():
                build_model(model, LATENTS, SPEECH)


@pytest.mark.parametrize("size", PAPER)
def test_the_two_data_sets_differ_in_the_data_alone(size: str) -> None:
    hdtf, celebv = (
        load_config(ExperimentConfig, FOLDER / "fusion_ablation" / f"{d}_{size}.yaml") for d in ("hdtf", "celebv_hq")
    )
    assert dataclasses.replace(celebv, data=hdtf.data, name=hdtf.name, out=hdtf.out) == hdtf


def test_the_committed_results_make_a_leaderboard_and_would_be_taken(tmp_path: Path) -> None:
    results = sorted((FOLDER / "leaderboard" / "results").glob("*.json"))
    made = build_leaderboard(results, tmp_path / "out")
    assert [len(board.rows) for board in made.boards] == [len(results)]
    for path in results:
        assert not any(f.problem for f in check_submission(pack_submission(path, tmp_path / f"{path.stem}.zip")))
