"""Reference statistics: what evaluation measures of the real videos, kept inside the cache."""

from __future__ import annotations

import json
from functools import wraps
from pathlib import Path

import pytest

from data_prep.pipeline import prepare
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.verify import verify_cache
from lt_bench.evaluation.harness import evaluate
from lt_bench.evaluation.inputs.clip_context import VideoView

TINY = SyntheticConfig(
    train_speakers=1, validation_speakers=1, test_speakers=2, takes=2, train_frames=20, test_frames=45
)


def test_evaluation_does_not_measure_again_what_the_cache_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mirror: Path
):
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "user"))
    path = prepare(
        DataConfig(cache=str(tmp_path / "cache"), synthetic=TINY, resolution=64, codec="dct"), workers=1
    ).cache.path
    real = path / "real" / "test"
    assert main(["cache", "statistics", str(path), "--protocol", "synthetic-v1", "--split", "test", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["splits"]["test"]
    assert found["missing"] == {}
    assert found["entries"] >= 4
    assert verify_cache(path).damage is None
    computed = _count(monkeypatch)
    evaluate(real, real, "synthetic-v1")
    assert computed == []
    entry = next((real / "features").rglob("*.safetensors"))
    entry.write_bytes(entry.read_bytes()[:-1] + b"x")
    damage = verify_cache(path).damage
    assert damage is not None
    assert entry.name in damage


def _count(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of features that are computed from now on."""
    computed: list[str] = []
    plain = VideoView.features

    def features(self: VideoView, key: str, compute):
        @wraps(compute)
        def counted():
            computed.append(key)
            return compute()

        return plain(self, key, counted)

    monkeypatch.setattr(VideoView, "features", features)
    return computed
