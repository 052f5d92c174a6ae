"""The example of docs/how-to/add-a-fusion.md, as a user would run it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from lt_bench.cli.main import main
from lt_bench.config import RunConfig, load_config
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.models import presets
from lt_bench.models.checkpoint import read_card
from lt_bench.models.fusion import base

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/add-a-fusion.md").read_text()
SHORT = {"train_speakers": 2, "validation_speakers": 1, "test_speakers": 1, "train_frames": 16, "test_frames": 16}
RUN = {
    "data": {"cache": "cache", "resolution": 32, "codec": "dct", "synthetic": SHORT},
    "model": {"preset": "tiny", "frames": 4, "audio_tokens": 2, "audio_token_dim": 16, "learn_sigma": False},
    "diffusion": {"schedule": "flow", "prediction": "sample"},
    "train": {"steps": 2, "accelerator": "cpu", "ema_decay": 0.9},
    "sampling": {"sampler": "flow_euler", "steps": 1},
}


def test_the_pages_example_is_described_trained_and_generates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))
    monkeypatch.setattr("data_prep.pipeline.default_workers", lambda: 1)
    monkeypatch.setattr(base, "_REGISTER", dict(base._REGISTER))
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert len(example.splitlines()) < 60
    Path("film.py").write_text(example)
    Path("run.yaml").write_text(yaml.safe_dump(RUN))

    assert main(["train", "--config", "run.yaml", "--out", "none", "model.fusion.audio=film"]) == 2
    assert "expected one of direct" in capsys.readouterr().err
    assert main(["model", "describe", "tiny", "--plugin", "film.py", "--audio", "film", "--json"]) == 0
    parts = {part["name"]: part["parameters"] for part in json.loads(capsys.readouterr().out)["parts"]}
    assert parts["audio fusion: film"] == (768 + 1) * 2 * 16
    run = ["train", "--config", "run.yaml", "--out", "run", "--plugin", "film.py", "model.fusion.audio=film"]
    assert main([*run, "--tracking", "off"]) == 0
    card = read_card("run/model.safetensors")
    assert (card.config.model.fusion.audio, card.config.model.plugins) == ("film", ("film.py",))

    write_png(Path("me.png"), np.zeros((32, 32, 3), np.uint8))
    write_wav(Path("me.wav"), np.sin(np.arange(640 * 4, dtype=np.float32) / 4))
    generate = ["generate", "--checkpoint", "run/model.safetensors", "--portrait", "me.png", "--audio", "me.wav"]
    assert main([*generate, "--out", "me.mp4", "--plugin", "film.py"]) == 0
    assert Path("me.mp4").stat().st_size

    base._REGISTER.pop("film")  # as in a process that has not imported it
    capsys.readouterr()
    assert main([*generate, "--out", "me.mp4"]) == 2
    assert "(trained with --plugin film.py)" in capsys.readouterr().err


def test_a_configuration_names_its_files(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("model: {plugins: [film.py]}\n")
    assert load_config(RunConfig, tmp_path / "run.yaml").model.plugins == ("film.py",)


def test_a_file_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "describe", "tiny", "--plugin", "nowhere.py"]) == 2
    assert "nowhere.py: expected a Python file" in capsys.readouterr().err
