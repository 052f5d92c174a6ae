"""The command typed again on a finished cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_prep.completion import recall
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, SyntheticConfig

SMALL = SyntheticConfig(
    train_speakers=2, validation_speakers=0, test_speakers=0, takes=1, train_frames=16, test_frames=16
)


def test_a_finished_cache_is_recognised_without_being_opened_until_anything_of_it_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "cache"
    keys = [f"synthetic.{name}={value}" for name, value in vars(SMALL).items()]
    command = [
        "prepare",
        "synthetic",
        "--out",
        str(out),
        "--resolution",
        "32",
        "--codec",
        "dct",
        "--workers",
        "1",
        "--json",
        *keys,
    ]
    assert main(command) == 0
    first = json.loads(capsys.readouterr().out)
    with monkeypatch.context() as patch:
        patch.setattr("data_prep.pipeline.prepare", None)
        assert main(command) == 0
    second = json.loads(capsys.readouterr().out)
    assert (first.pop("prepared_now"), second.pop("prepared_now")) == (2, 0)
    assert first.pop("seconds") > second.pop("seconds")
    assert first == second

    config = DataConfig(cache=str(out), resolution=32, codec="dct", synthetic=SMALL)
    assert recall(config) is not None
    assert recall(DataConfig(cache=str(out), resolution=64, codec="dct", synthetic=SMALL)) is None
    assert recall(DataConfig(cache=str(out), resolution=32, synthetic=SMALL, codec="kl:somewhere")) is None
    assert main([*command, "synthetic.takes=2"]) == 2
    assert "holds a cache of other settings" in capsys.readouterr().err
    index = out / "index.parquet"
    index.write_bytes(index.read_bytes()[:-1])
    assert recall(config) is None
    assert main(command) == 2
