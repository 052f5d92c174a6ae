"""Calm heads: less and slower motion, part of the cache's identity; full motion is that of the first version."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.datasets.registry import list_source
from data_prep.pipeline import open_complete, prepare
from data_prep.synthetic import synthetic_clips
from data_prep.synthetic.performance import STATE, Performance, sway_slowness
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.errors import CacheError, ConfigError
from lt_bench.files import read_json, write_json

POSE = slice(STATE.index("yaw"), STATE.index("ty") + 1)
FIRST_VERSION = Path(__file__).with_name("synthetic_motion_first_version.json")
"""Frame 20 of ``Performance.sample(7, 60)``, recorded before heads became calm."""
TINY = SyntheticConfig(
    train_speakers=1, validation_speakers=1, test_speakers=1, takes=1, train_frames=16, test_frames=16
)


def test_full_motion_reproduces_the_first_version() -> None:
    np.testing.assert_allclose(
        Performance.sample(7, 60, 1.0).state[20], json.loads(FIRST_VERSION.read_text()), atol=1e-5
    )


def test_calm_heads_move_less_and_more_slowly() -> None:
    lively, calm = (
        np.stack([Performance.sample(seed, 400, motion).state[:, POSE] for seed in range(12)]) for motion in (1.0, 0.4)
    )
    assert calm.std() == pytest.approx(0.4 * lively.std(), rel=0.15)

    def speed(pose: np.ndarray) -> np.ndarray:
        """Mean change from frame to frame, as a share of the deviation."""
        return np.abs(np.diff(pose, axis=1)).mean((0, 1)) / pose.std((0, 1))

    assert (speed(calm) < 0.8 * speed(lively)).all()


@given(st.floats(0, 1))
def test_slowness_is_between_one_and_two(motion: float) -> None:
    assert 1 <= sway_slowness(motion) <= 2


def test_a_still_head_does_not_move() -> None:
    assert not Performance.sample(3, 50, 0.0).state[:, POSE].any()


@pytest.mark.parametrize("motion", [-0.1, 1.5, float("nan")])
def test_head_motion_out_of_range_is_refused(motion: float) -> None:
    with pytest.raises(ConfigError, match=r"synthetic\.head_motion: expected 0\.\.1"):
        synthetic_clips(dataclasses.replace(TINY, head_motion=motion), 64)


def test_head_motion_is_part_of_the_caches_identity() -> None:
    config = DataConfig(synthetic=TINY)
    other = dataclasses.replace(config, synthetic=dataclasses.replace(TINY, head_motion=1.0))
    assert list_source(config).hash != list_source(other).hash


def test_a_cache_of_the_first_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    config = DataConfig(cache=str(tmp_path / "cache"), resolution=32, codec="dct", synthetic=TINY)
    prepare(config, workers=1)
    header = tmp_path / "cache" / "cache.json"
    document = read_json(header)
    del document["settings"]["synthetic"]["head_motion"]  # which the first version did not know
    write_json(header, document)
    for use in (open_complete, lambda c: prepare(c, workers=1)):
        with pytest.raises(CacheError, match=r"head_motion: expected 0\.4, got None; name another folder") as raised:
            use(config)
        assert "\n" not in str(raised.value)
