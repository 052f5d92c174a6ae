from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lt_bench.cli.main import main
from lt_bench.models.checkpoint import load_model
from lt_bench.models.positions import sincos_1d, sincos_2d
from lt_bench.models.presets import PRESETS, Size

DIM, DEPTH, AUDIO = 64, 1, 12
Document = dict[str, Any]


def network(channels: int = 4, frames: int = 16, memory: int = 0) -> dict[str, Tensor]:
    """A small network under the release's names."""
    shapes = {
        "x_embedder.proj": (DIM, channels, 2, 2),
        "t_embedder.mlp.0": (DIM, 256),
        "t_embedder.mlp.2": (DIM, DIM),
        "final_layer.linear": (4 * 2 * channels, DIM),
        "final_layer.adaLN_modulation.1": (2 * DIM, DIM),
        "blocks.0.attn.qkv": (3 * DIM, DIM),
        "blocks.0.attn.proj": (DIM, DIM),
        "blocks.0.mlp.fc1": (4 * DIM, DIM),
        "blocks.0.mlp.fc2": (DIM, 4 * DIM),
        "blocks.0.adaLN_modulation.1": (6 * DIM, DIM),
        "blocks.0.temporal_norm1": (DIM,),
        "blocks.0.temporal_attn.qkv": (3 * DIM, DIM),
        "blocks.0.temporal_attn.proj": (DIM, DIM),
        "blocks.0.temporal_fc": (DIM, DIM),
        "blocks.0.cross_attn.proj": (DIM, DIM),
    }
    state = {f"{name}.weight": torch.randn(shape) * 0.02 for name, shape in shapes.items()}
    state |= {f"{name}.bias": torch.randn(shape[0]) for name, shape in shapes.items()}
    state["blocks.0.cross_attn.q_proj.weight"] = torch.randn(DIM, DIM)
    state |= {f"blocks.0.cross_attn.{k}_proj.weight": torch.randn(DIM, AUDIO) for k in "kv"}
    state["pos_embed"] = sincos_2d(4, 4, DIM)[None]
    name = "long_temp_embed" if memory else "temp_embed"
    return state | {name: sincos_1d(torch.arange(memory + frames), DIM)[None]}


def document(**options: int) -> Document:
    projector = {"proj1.weight": torch.randn(16, 60 * AUDIO), "proj2.weight": torch.randn(16, 16)}
    projector |= {"proj3.weight": torch.randn(2 * AUDIO, 16), "norm.weight": torch.ones(AUDIO)}
    projector |= {f"{name}.bias": torch.zeros(n) for name, n in zip(("proj1", "proj2"), (16, 16), strict=True)}
    projector |= {"proj3.bias": torch.zeros(2 * AUDIO), "norm.bias": torch.zeros(AUDIO)}
    return {"model": network(**options), "ema": network(**options), "audioproj": projector}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(PRESETS, "S", Size(DEPTH, DIM, heads=4))
    monkeypatch.chdir(tmp_path)


def run(checkpoint: object, *options: str) -> int:
    torch.save(checkpoint, "their.ckpt")
    return main(["import-checkpoint", "letstalk", "their.ckpt", "--out", "ours.safetensors", *options])


@pytest.mark.parametrize("memory", [0, 2])
def test_an_imported_checkpoint_is_a_model_file_with_both_kinds_of_weights(
    memory: int, capsys: pytest.CaptureFixture[str]
) -> None:
    given = document(memory=memory)
    assert run(given, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["config"]["preset"], report["config"]["motion_frames"]) == ("S", memory)
    assert (report["latent"], report["resolution"], report["weights"]) == ([4, 8, 8], 64, "ema")
    assert (report["codec"], report["codec_pinned"]) == ("kl:stabilityai/sd-vae-ft-mse", False)
    for kind, theirs in (("ema", "ema"), ("raw", "model")):
        state = load_model("ours.safetensors", kind).model.state_dict()
        assert torch.equal(state["time.mlp.2.weight"], given[theirs]["t_embedder.mlp.2.weight"])
        keys = torch.cat([given[theirs][f"blocks.0.cross_attn.{k}_proj.weight"] for k in "kv"])
        assert torch.equal(state["audio_fusion.attention.0.kv.weight"], keys)
    card = load_model("ours.safetensors").card
    assert card.scaling.std == pytest.approx((1 / 0.18215,) * 4)
    assert (card.config.sampling.sampler, card.config.sampling.steps) == ("ddpm", 250)


def test_a_compiled_network_and_a_trainers_checkpoint_are_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    given = document()
    flat = {f"ema._orig_mod.{name}": value.bfloat16() for name, value in given["ema"].items()}
    flat |= {f"audioproj.{name}": value for name, value in given["audioproj"].items()}
    assert run({"state_dict": flat | {"vae.x": torch.zeros(1)}, "epoch": 3}) == 0
    assert "ours.safetensors: S/2 without memory, 16 frames at 64 px" in capsys.readouterr().out
    assert load_model("ours.safetensors").model.final.proj.weight.dtype == torch.float32


class Payload:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path("ran").write_text, ("code",))


def _without(key: str, name: str) -> Document:
    made = document()
    del made[key][name]
    return made


def _with(key: str, name: str, value: Tensor) -> Document:
    made = document()
    made[key][name] = value
    return made


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda: [1], [], "expected a mapping of state dicts, got list"),
        (lambda: {"other": {}}, [], "expected key 'model' or 'ema', got other"),
        (lambda: {**document(), "audioproj": None}, [], "key 'audioproj': expected a state dict of tensors"),
        (lambda: {"ema": network()}, [], "expected key 'audioproj' (the audio projector), got ema"),
        (lambda: {"ema": Payload()}, [], "a file that is damaged or would run code when loaded"),
        (lambda: _without("ema", "blocks.0.attn.qkv.bias"), [], "expected tensor 'blocks.0.attn.qkv.bias', got none"),
        (lambda: _without("model", "pos_embed"), [], "expected tensor 'pos_embed' of LetsTalk's release, got none"),
        (
            lambda: _with("ema", "y_embedder.embedding_table.weight", torch.zeros(2)),
            [],
            "expected no tensor 'y_embedder.embedding_table.weight' in a network of this kind, got one",
        ),
        (
            lambda: _with("ema", "blocks.0.mlp.fc1.weight", torch.zeros(3, 64)),
            [],
            "tensor 'blocks.0.mlp.fc1.weight': expected shape [256, 64], got [3, 64]",
        ),
        (
            lambda: _with("ema", "temp_embed", torch.zeros(1, 16, 64)),
            [],
            "tensor 'temp_embed': expected fixed sin-cos positions, got others",
        ),
        (
            lambda: _with("model", "blocks.1.attn.qkv.weight", torch.zeros(1)),
            [],
            "expected 1 blocks of preset S (hidden size 64), got 2",
        ),
        (document, ["--preset", "B"], "expected a hidden size of 768, got 64"),
        (document, ["--frames", "8"], "expected --frames of its window, got 8 for 16 frames"),
        (lambda: document(channels=32), [], "--codec: expected the autoencoder of its 32-channel latents"),
        (document, ["--codec", "dct"], "--codec: expected an autoencoder of 4 channels, got"),
    ],
)
def test_what_is_not_such_a_checkpoint_is_one_line_and_no_file(
    make: Any, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(make(), *options) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not Path("ours.safetensors").exists()
    assert not Path("ran").exists()


def test_a_file_that_is_not_there_or_no_checkpoint_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("hello")
    for file, message in (("none", "no such file"), ("text", "damaged"), (".", "a folder")):
        assert main(["import-checkpoint", "letstalk", file, "--out", "ours.safetensors"]) == 2
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == 1
    assert main(["import-checkpoint", "letstalk", "text", "--out", "ours.ckpt"]) == 2
    assert "ending in .safetensors" in capsys.readouterr().err
