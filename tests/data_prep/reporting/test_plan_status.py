"""--plan and --status: what would be done, and what is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_prep.reporting.frame_costs import Costs
from data_prep.reporting.plan import frame_bytes, make_plan
from data_prep.reporting.status import status
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, QualityConfig, SyntheticConfig
from lt_bench.data.cache import LatentCache

TINY = SyntheticConfig(
    train_speakers=2, validation_speakers=1, test_speakers=1, takes=1, train_frames=20, test_frames=26
)
SETTINGS = [f"synthetic.{key}={value}" for key, value in vars(TINY).items()]


def test_the_plan_of_a_synthetic_set_is_what_is_then_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "cache"
    arguments = ["prepare", "synthetic", "--out", str(out), "--workers", "1", *SETTINGS]
    assert main([*arguments, "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert not out.exists()
    assert (plan["clips"], plan["waiting"], plan["workers"]) == (4, 4, 1)
    assert plan["seconds"] == (20 * 2 + 26 * 2) / 25
    assert plan["costs"]["seconds"].keys() == {"render", "encode", "export"}
    assert all(cost > 0 for cost in plan["costs"]["seconds"].values())
    assert plan["estimate"] > 0
    assert main([*arguments, "--status", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert {clip["state"] for clip in before["clips"]} == {"waiting"}
    assert not out.exists()
    assert main(arguments) == 0
    capsys.readouterr()
    cache = LatentCache.open(out)
    clips = sum(record.bytes for record in cache.records())
    # Beside its tensors, a clip's file has a header and the portrait's latent.
    assert plan["cache_bytes"] < clips < plan["cache_bytes"] + 4 * (4096 + 2 * 32 * 8 * 8)
    assert frame_bytes(cache.info) * 92 == plan["cache_bytes"]
    assert main([*arguments, "--status"]) == 0
    text = capsys.readouterr().out
    assert "4 clips, complete" in text
    assert main([*arguments, "--plan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["waiting"] == 0


def test_the_plan_of_hdtf_tells_of_what_is_to_be_fetched(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    costs = Costs("a sample", 75, {"decode": 0.01, "faces": 0.02, "export": 0.5}, 1000.0, 10)
    monkeypatch.setattr("data_prep.reporting.plan.measure_costs", lambda config, jobs: costs)
    config = DataConfig(dataset="hdtf", cache=str(tmp_path / "c"), resolution=256, quality=QualityConfig())
    plan = make_plan(config, workers=4)
    assert (plan.clips, plan.fetched_first, plan.videos_wanted, plan.videos_here) == (0, 436, 369, 0)
    assert plan.missing == {"unlisted": 1}
    assert plan.seconds == pytest.approx(17.07 * 3600, abs=20)
    held = plan.export_bytes / 1000
    assert 0.05 < held / (plan.seconds * 25) < 0.35  # test and validation are each about a tenth
    assert plan.estimate == pytest.approx((plan.seconds * 25 * 0.03 + held * 0.5) / 4)


def test_a_clip_that_does_not_fit_in_memory_is_counted_as_decoded_twice():
    costs = Costs("a sample", 75, {"decode": 0.01, "faces": 0.02}, 0.0, 1_000_000)
    assert costs.clip(100, exported=True) == pytest.approx(100 * 0.03)
    assert costs.clip(1000, exported=True) == pytest.approx(1000 * 0.04)


def test_the_status_of_an_interrupted_run_is_read_from_its_journal(tmp_path: Path):
    config = DataConfig(cache=str(tmp_path / "cache"), synthetic=TINY, resolution=64, codec="dct")
    arguments = ["prepare", "synthetic", "--out", str(tmp_path / "whole"), "--workers", "1", *SETTINGS]
    assert main(arguments) == 0
    names = [record.id for record in LatentCache.open(tmp_path / "whole").records()]
    (tmp_path / "cache").mkdir()
    lines = [
        {"row": {"id": names[0], "source": "a"}, "extra": {"job": names[0], "parts": 1}},
        {"rejected": {"id": names[1], "source": "b", "reason": "why", "rule": "blur", "job": names[1], "parts": 2}},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"row": {"id": "cut'
    (tmp_path / "cache" / "journal.jsonl").write_text(text)
    found = status(config)
    states = {(clip.id, clip.state, clip.stage) for clip in found.clips}
    assert (names[0], "whole", "encode") in states
    assert (names[1], "rejected", "quality") in states
    assert (names[1], "waiting", "fetch") in states  # the other part of that job is still to come
    assert not found.complete
    rows = {row["stage"]: (row["passed"], row["rejected"], row["waiting"]) for row in found.stages()}
    assert rows["fetch"] == (5, 0, 0)
    assert rows["split"] == (2, 0, 3)
    assert rows["quality"] == (1, 1, 3)
    assert rows["encode"] == (1, 0, 3)
    assert rows["index"] == (0, 0, 4)
