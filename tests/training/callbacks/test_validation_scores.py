"""Scoring a validation set while training."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger
from safetensors.numpy import load_file

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.real_set import real_clip, write_real_set
from lt_bench.errors import CacheError
from lt_bench.evaluation.results.result_file import load_result
from lt_bench.jobs.job_tracking import curves
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video_writer import write_video
from lt_bench.training import trainer
from lt_bench.training.callbacks import validation_scores
from lt_bench.training.run import train
from tests.training.test_parallel import train_in

PROTOCOL = """
id: pixels
version: 1
about: for tests
size: 32
min_frames: 5
scores: [{name: ssim}, {name: motion_ratio}]
"""


@pytest.fixture
def scored_run(
    toy_cache: LatentCache, make_run: Callable[..., RunConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunConfig]:
    """A run that is scored every other step; the "generator" copies the real videos."""
    real = toy_cache.path / "real" / "validation"
    real.mkdir(parents=True)
    frames = np.random.default_rng(0).integers(0, 256, (10, 32, 32, 3), np.uint8)
    sound = np.zeros(6400, np.float32)
    write_video(real / "clip5.mp4", frames, audio=sound)
    write_wav(real / "clip5.wav", sound)
    write_png(real / "clip5.png", frames[0])
    write_real_set(real, "toy", "validation", 32, [real_clip(real, "clip5", "who5", "clip", 10, False)])
    (tmp_path / "pixels.yaml").write_text(PROTOCOL)
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "store"))

    def copy(loaded: Any, source: Path, out: Path, sampling: Any, clips: int = 0) -> None:
        assert loaded.card.steps in (2, 4, 6)
        shutil.copytree(source, out)

    monkeypatch.setattr("lt_bench.training.callbacks.validation_scores.generate_split", copy)
    yield make_run(evaluation={"protocol": str(tmp_path / "pixels.yaml"), "score_every": 2})
    shutil.rmtree(real.parent)


def test_scores_are_logged_and_kept_and_the_weights_are_those_of_an_unscored_run(
    toy_cache: LatentCache, make_run: Callable[..., RunConfig], scored_run: RunConfig, tmp_path: Path
) -> None:
    logger = CSVLogger(tmp_path / "logs", flush_logs_every_n_steps=1)
    scored = train(scored_run, tmp_path / "scored", toy_cache, progress=False, loggers=[logger])
    plain = train(make_run(), tmp_path / "plain", toy_cache, progress=False)
    results = sorted((tmp_path / "scored/scores").glob("*/result.json"))
    assert [path.parent.name for path in results] == ["step000002", "step000004", "step000006"]
    assert load_result(results[0]).scores["ssim"].value == pytest.approx(1)
    assert not list((tmp_path / "scored/scores").glob("*/model.safetensors"))
    assert "scores/ssim" in (Path(logger.log_dir) / "metrics.csv").read_text()
    points = [p for p in curves(tmp_path / "scored") if p.key == "scores/ssim"]  # what MLflow is sent
    assert [(p.step, p.value) for p in points] == [(step, pytest.approx(1)) for step in (2, 4, 6)]
    assert [p.after for p in points] == sorted(p.after for p in points)
    mine, theirs = load_file(scored.model_file), load_file(plain.model_file)
    for name, value in theirs.items():
        np.testing.assert_array_equal(mine[name], value)


def test_a_run_that_was_stopped_after_a_score_scores_the_step_again(
    toy_cache: LatentCache, scored_run: RunConfig, tmp_path: Path
) -> None:
    class Stop(pl.Callback):
        def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 3:  # step 2 was scored, and not saved
                raise KeyboardInterrupt

    config = replace(scored_run, train=replace(scored_run.train, checkpoint_every=4))
    with pytest.raises(KeyboardInterrupt):
        train(config, tmp_path / "run", toy_cache, [Stop()], progress=False)
    scored = tmp_path / "run/scores/step000002/result.json"
    before = scored.stat().st_mtime_ns
    assert train(config, tmp_path / "run", toy_cache, progress=False).resumed_from is None
    assert scored.stat().st_mtime_ns > before
    assert len(list((tmp_path / "run/scores").glob("*/result.json"))) == 3


def test_a_cache_without_real_videos_is_refused_before_training(
    toy_cache: LatentCache, make_run: Callable[..., RunConfig], tmp_path: Path
) -> None:
    config = make_run(evaluation={"protocol": "synthetic-v1", "score_every": 2})
    with pytest.raises(CacheError, match="expected a real set"):
        train(config, tmp_path / "run", toy_cache, progress=False)


@pytest.mark.slow
def test_the_others_wait_for_scores_longer_than_their_group_lets_them_wait(
    toy_cache: LatentCache,
    make_run: Callable[..., RunConfig],
    scored_run: RunConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = validation_scores.generate_split

    def slowly(*given: Any, **named: Any) -> Any:
        time.sleep(25 if not (tmp_path / "slept").exists() else 0)
        (tmp_path / "slept").touch()
        return copy(*given, **named)

    monkeypatch.setattr(validation_scores, "generate_split", slowly)
    monkeypatch.setattr(trainer, "DDPStrategy", partial(trainer.DDPStrategy, timeout=timedelta(seconds=20)))
    config = replace(scored_run, train=replace(scored_run.train, devices=2, strategy="ddp"))
    train_in(2, config, tmp_path / "run", toy_cache)
    assert len(list((tmp_path / "run/scores").glob("*/result.json"))) == 3
