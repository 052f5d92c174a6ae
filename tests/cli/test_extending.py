"""The examples of docs/how-to/add-your-own.md, as a user would run them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from data_prep.extraction.crop_methods import CROP_METHODS
from lt_bench import plugins
from lt_bench.cli.main import main
from lt_bench.config import DiffusionConfig, RunConfig, load_config
from lt_bench.diffusion.samplers import SAMPLERS, build_sampler
from lt_bench.evaluation.metrics import METRICS
from lt_bench.files import sha256_file
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.models import presets
from lt_bench.models.checkpoint import read_card
from lt_bench.models.codecs import CODECS
from lt_bench.models.families import FAMILIES
from lt_bench.models.fusion import FUSIONS
from lt_bench.models.orders import BLOCK_ORDERS
from lt_bench.perception.speech import SPEECH_ENCODERS
from lt_bench.plugins import load_plugins
from lt_bench.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/add-your-own.md").read_text()
EXAMPLES = dict(re.findall(r"`(\w+\.(?:py|yaml))`:\n\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
REGISTRIES: tuple[Registry[Any], ...] = (
    FUSIONS,
    METRICS,
    CODECS,
    SPEECH_ENCODERS,
    SAMPLERS,
    BLOCK_ORDERS,
    FAMILIES,
    CROP_METHODS,
)
SHORT = {"train_speakers": 1, "validation_speakers": 1, "test_speakers": 2, "takes": 1}
SHORT |= {"train_frames": 16, "test_frames": 26}
RUN = {
    "data": {"cache": "cache", "resolution": 32, "codec": "block_means", "synthetic": SHORT},
    "model": {"preset": "tiny", "frames": 4, "audio_tokens": 2, "audio_token_dim": 16, "learn_sigma": False},
    "diffusion": {"schedule": "flow", "prediction": "sample"},
    "train": {"steps": 2, "accelerator": "cpu", "ema_decay": 0.9},
    "sampling": {"sampler": "flow_euler_shifted", "steps": 2},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the page's files, and registries as of a process that has imported no plugin."""
    monkeypatch.chdir(tmp_path)
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_added", {})
    monkeypatch.setattr(plugins, "_LOADED", {})
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def forget_plugins() -> None:
    """Be as a process that has not imported them."""
    for registry in REGISTRIES:
        registry._added.clear()
    for module in plugins._LOADED:
        del sys.modules[module]
    plugins._LOADED.clear()


def test_the_examples_are_short() -> None:
    assert set(EXAMPLES) == {"film.py", "brightness.py", "mine.yaml", "block_means.py", "shifted.py"}
    assert all(len(text.splitlines()) < 60 for text in EXAMPLES.values())


def test_fusion_codec_sampler_and_metric_work_together(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))
    monkeypatch.setattr("data_prep.pipeline.default_workers", lambda: 1)
    Path("run.yaml").write_text(yaml.safe_dump(RUN))
    mine = ["--plugin", "film.py", "--plugin", "block_means.py", "--plugin", "shifted.py"]

    run = ["train", "--config", "run.yaml", "--out", "run", "--tracking", "off", "model.fusion.audio=film"]
    assert main(run) == 2
    assert "model.fusion.audio: expected one of direct, " in capsys.readouterr().err
    assert main(["model", "describe", "tiny", "--plugin", "film.py", "--audio", "film", "--json"]) == 0
    parts = {part["name"]: part["parameters"] for part in json.loads(capsys.readouterr().out)["parts"]}
    assert parts["audio fusion: film"] == (768 + 1) * 2 * 16

    assert main([*run, *mine]) == 0
    card = read_card("run/model.safetensors")
    assert (card.config.model.fusion.audio, card.codec) == ("film", "block_means")
    assert card.config.model.plugins == ("film.py", "block_means.py", "shifted.py")
    assert card.plugins == {name: sha256_file(Path(name)) for name in card.config.model.plugins}
    made = json.loads(Path("cache/cache.json").read_text())
    assert made["codec"]["name"] == "block_means"
    assert made["settings"]["plugins"] == {"block_means.py": sha256_file(Path("block_means.py"))}

    write_png(Path("me.png"), np.zeros((32, 32, 3), np.uint8))
    write_wav(Path("me.wav"), np.sin(np.arange(640 * 4, dtype=np.float32) / 4))
    generate = ["generate", "--checkpoint", "run/model.safetensors", "--portrait", "me.png", "--audio", "me.wav"]
    assert main([*generate, "--out", "me.mp4", *mine]) == 0
    assert Path("me.mp4").stat().st_size

    real = "cache/real/test"
    evaluate = ["evaluate", "--generated", real, "--real", real, "--protocol", "mine.yaml", "--out", "r.json"]
    assert main([*evaluate, "--store", "store"]) == 2
    assert "protocol mine: key 'scores': expected one of av_offset, " in capsys.readouterr().err
    assert main([*evaluate, "--store", "store", "--plugin", "brightness.py"]) == 1  # the PSNR of copies is infinite
    result = json.loads(Path("r.json").read_text())
    assert result["scores"]["brightness_ratio"]["value"] == 1
    assert result["meta"]["plugin brightness.py"] == sha256_file(Path("brightness.py"))

    forget_plugins()
    capsys.readouterr()
    assert main([*generate, "--out", "me.mp4"]) == 2
    assert "(trained with --plugin film.py --plugin block_means.py --plugin shifted.py)" in capsys.readouterr().err


def test_worker_processes_prepare_with_a_plugin_and_another_version_is_another_cache(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = ["prepare", "synthetic", "--out", "cache", "--codec", "block_means", "--resolution", "32"]
    prepare += [f"synthetic.{key}={value}" for key, value in SHORT.items()]
    assert main([*prepare, "--workers", "2"]) == 2
    assert "codec: expected one of ae_rendered_f32, " in capsys.readouterr().err
    assert main([*prepare, "--workers", "2", "--plugin", "block_means.py", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sound"]

    forget_plugins()
    Path("block_means.py").write_text(EXAMPLES["block_means.py"] + "# another version\n")
    assert main([*prepare, "--plugin", "block_means.py"]) == 2
    assert "plugins.block_means.py" in capsys.readouterr().err


def test_the_sampler_without_a_shift_is_the_package_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_plugins([folder / "shifted.py"])
    kind = SAMPLERS.get("flow_euler_shifted")
    for prediction in ("sample", "velocity"):
        config = DiffusionConfig("flow", prediction)  # type: ignore[arg-type]
        mine, own = (build_sampler(name, 5, config) for name in ("flow_euler_shifted", "flow_euler"))
        assert mine.timesteps[0] == own.timesteps[0] == 1000
        assert (mine.timesteps[1:] > own.timesteps[1:]).all()
        monkeypatch.setattr(sys.modules[kind.__module__], "SHIFT", 1.0)
        mine, x = build_sampler("flow_euler_shifted", 5, config), torch.randn(1, 2, 3, 4, 4)
        paths = [x, x]
        for t in own.timesteps:
            paths = [s.step(torch.tanh(y), t, y) for s, y in zip((mine, own), paths, strict=True)]
        torch.testing.assert_close(*paths)
        monkeypatch.setattr(sys.modules[kind.__module__], "SHIFT", 3.0)


def test_a_configuration_names_its_files(folder: Path) -> None:
    (folder / "run.yaml").write_text("model: {plugins: [film.py]}\n")
    assert load_config(RunConfig, folder / "run.yaml").model.plugins == ("film.py",)


@pytest.mark.parametrize(
    "command",
    [
        ["model", "describe", "tiny"],
        ["prepare", "synthetic", "--out", "cache"],
        ["evaluate", "--generated", "a", "--real", "b", "--protocol", "open-v1"],
        ["sensitivity", "--real", "a", "--out", "b"],
        ["search", str(ROOT / "experiments/search/optimizer.yaml")],
        ["import-checkpoint", "letstalk", "a.ckpt", "--out", "b.safetensors"],
    ],
    ids=lambda command: command[0],
)
def test_a_file_that_is_not_there_is_one_line(
    folder: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--plugin", "nowhere.py"]) == 2
    assert "nowhere.py: expected a Python file" in capsys.readouterr().err
