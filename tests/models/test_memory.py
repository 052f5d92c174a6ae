"""Training memory, against what autograd keeps of a real pass, and against counts of a pretended GPU."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from lt_bench.cli.main import main
from lt_bench.config import FusionConfig, ModelConfig, RunConfig, parse_config
from lt_bench.models import presets
from lt_bench.models.build import build_model
from lt_bench.models.counting import empty_conditions, kept_for_backward
from lt_bench.models.memory import training_memory
from lt_bench.models.model_summary import NoDraws
from lt_bench.scaling import LatentScaling
from lt_bench.training.module import LetsTalkModule
from tests.support.pretended_autocast import Bf16Autocast
from tests.support.pretended_gpu import GpuTensor, move_to_gpu, pretended_gpu

LATENT, SPEECH = (4, 8, 8), (1, 6)


@pytest.mark.parametrize(("portrait", "audio"), [("symbiotic", "direct"), ("siamese", "one_way_symbiotic")])
def test_activations_of_float32_are_what_a_real_pass_keeps(
    portrait: str, audio: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=4, dim=32, heads=2))
    config = ModelConfig("tiny", FusionConfig(portrait, audio), frames=4, audio_tokens=3, audio_token_dim=16)
    found = training_memory(config, LATENT, SPEECH)
    model = build_model(config, LATENT, SPEECH)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    latents, conditions = torch.zeros(2, 4, *LATENT), empty_conditions(model, windows=2)
    _, kept = kept_for_backward(model, lambda: model(latents, torch.zeros(2), conditions).square().mean())
    assert 2 * found.fp32.plain == pytest.approx(kept, rel=0.1)
    assert found.bf16.plain < found.fp32.plain
    assert found.fp32.checkpointed < 0.7 * found.fp32.plain


@pytest.mark.parametrize(("preset", "portrait", "audio"), [("S", "symbiotic", "direct"), ("S", "direct", "siamese")])
def test_activations_of_bfloat16_are_those_that_a_training_step_keeps_on_a_gpu(
    preset: str, portrait: str, audio: str
) -> None:
    config = parse_config(RunConfig, {"model": {"preset": preset, "fusion": {"portrait": portrait, "audio": audio}}})
    found = training_memory(config.model, (4, 32, 32), (12, 768))
    with torch.device("meta"), NoDraws():
        module = LetsTalkModule(config, (4, 32, 32), (12, 768), LatentScaling((0.0,) * 4, (1.0,) * 4))
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: GpuTensor) -> GpuTensor:
        storage = tensor.numbers.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with pretended_gpu("meta"):
        move_to_gpu(module)
        weights = {p.numbers.untyped_storage()._cdata for p in module.parameters()}
        batch = step_batch(config, (4, 32, 32), (12, 768), windows=2)
        with saved_tensors_hooks(keep, lambda tensor: tensor), Bf16Autocast():
            module.training_step(batch, 0)
        counted = sum(storage.nbytes() for key, storage in kept.items() if key not in weights)
    copies = 2 * found.parameters  # of weights in bfloat16, which are kept once for all windows
    assert 2 * found.bf16.plain + copies == pytest.approx(counted, rel=0.1)


def step_batch(
    config: RunConfig, latent: tuple[int, int, int], speech: tuple[int, int], windows: int
) -> dict[str, Any]:
    """A batch without numbers on the pretended GPU."""

    def empty(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        return torch.empty(windows, *shape, dtype=dtype, device="cuda")

    model, flag = config.model, torch.bool
    keeps = {name: empty(dtype=flag) for name in ("keep_portrait", "keep_audio", "keep_motion")}
    noise = {"noise": empty(model.frames, *latent), "motion_noise": empty(model.motion_frames, *latent)}
    levels = {"timesteps": empty(), "motion_level": empty(), "keep_places": empty(*latent[1:], dtype=flag)}
    return {
        "latents": empty(model.frames, *latent),
        "portrait": empty(*latent),
        "motion": empty(model.motion_frames, *latent),
        "audio": empty(model.frames + 2 * model.audio_window, *speech),
        "mouth": empty(model.frames, *latent[1:]),
        "draws": {**keeps, **noise, **levels},
    }


def test_fsdp_shares_what_ddp_repeats(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model", "describe", "tiny", "--memory", "--gpus", "4", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    sizes = {tuple(list(row.values())[:3]): row["bytes"] for row in document["per_gpu"]}
    assert len(sizes) == 8
    activations = document["fp32"]["plain"]
    assert sizes["ddp", "fp32", False] == document["state"] + activations
    assert sizes["fsdp", "fp32", False] == document["state"] // 4 + 4 * document["gathered"] + activations
    assert main(["model", "describe", "tiny", "--memory", "--gpus", "0"]) == 2
