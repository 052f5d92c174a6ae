from __future__ import annotations

import json

import pytest

from lt_bench.cli.main import main
from lt_bench.models.presets import PRESETS, Size


def describe(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert main(["model", "describe", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("preset", "millions", "tera_macs"),
    [
        ("S", 52.01, 0.27),
        ("B", 193.3, 0.99),
        pytest.param("L", 670.9, 3.43, marks=pytest.mark.slow),
        pytest.param("XL", 983.6, 5.03, marks=pytest.mark.slow),
    ],
)
def test_symbiotic_portrait_with_direct_audio_has_the_released_size(
    capsys: pytest.CaptureFixture[str], preset: str, millions: float, tera_macs: float
) -> None:
    found = describe(capsys, preset, "motion_frames=0")
    assert found["parameters"] / 1e6 == pytest.approx(millions, rel=1e-3)
    # The released network also computes the portrait's half of the last block, which nothing reads.
    assert (found["macs_step"] + found["macs_window"]) / 1e12 == pytest.approx(tera_macs, rel=0.035)
    assert found["parameters_audio_projector"] == 36_465_920
    assert found["parameters_total"] == found["parameters"] + found["parameters_audio_projector"]


def test_parts_sum_to_the_whole_and_to_the_networks_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    from lt_bench.config import FusionConfig, ModelConfig
    from lt_bench.models.build import build_model

    options = ["--portrait", "siamese", "--audio", "symbiotic", "--latent", "32x8x8", "--speech", "1x80"]
    found = describe(capsys, "tiny", *options, "frames=8", "audio_tokens=4", "learn_sigma=false")
    for key in ("parameters", "macs_step", "macs_window", "activations"):
        total = found["parameters_total"] if key == "parameters" else found[key]
        assert sum(part[key] for part in found["parts"]) == total
        assert all(part[key] >= 0 for part in found["parts"])
    config = ModelConfig("tiny", FusionConfig("siamese", "symbiotic"), frames=8, audio_tokens=4, learn_sigma=False)
    model = build_model(config, (32, 8, 8), (1, 80))
    assert found["parameters_total"] == sum(parameter.numel() for parameter in model.parameters())
    assert found["model"]["fusion"] == {"portrait": "siamese", "audio": "symbiotic"}


@pytest.mark.parametrize("order", ["factorised", "alternating"])
def test_the_linear_family_is_described_too(capsys: pytest.CaptureFixture[str], order: str) -> None:
    options = ["--latent", "32x4x4", "--speech", "1x80", "frames=4", "audio_tokens=4", f"order={order}"]
    softmax, linear = (describe(capsys, "tiny", *options, f"family={family}") for family in ("softmax", "linear"))
    assert 0 < linear["macs_step"] != softmax["macs_step"]


def test_operations_of_a_cross_attention_are_those_counted_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    found = describe(capsys, "tiny", "--latent", "4x4x4", "frames=3", "motion_frames=0", "audio_tokens=5")
    audio = next(part for part in found["parts"] if part["name"] == "audio fusion: direct")
    depth, dim, frames, video, audio_tokens, audio_dim = 4, 160, 3, 4, 5, 768
    assert audio["macs_window"] == depth * frames * audio_tokens * audio_dim * 2 * dim
    assert audio["macs_step"] == depth * frames * (2 * video * dim * dim + 2 * video * audio_tokens * dim)


def test_all_cells_list_the_overhead_of_every_pair(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tiny", Size(depth=1, dim=160, heads=4))
    cells = describe(capsys, "tiny", "--all-cells")["cells"]
    sizes = {(c["model"]["fusion"]["portrait"], c["model"]["fusion"]["audio"]): c["parameters"] for c in cells}
    assert len(sizes) == 16
    for audio in ("direct", "one_way_symbiotic", "siamese", "symbiotic"):
        assert sizes["symbiotic", audio] < sizes["direct", audio] < sizes["siamese", audio]
        assert sizes["symbiotic", audio] == sizes["one_way_symbiotic", audio]


def test_one_way_symbiotic_costs_once_a_window_what_symbiotic_costs_at_each_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--latent", "4x8x8", "frames=3"]
    both, one_way = (
        describe(capsys, "tiny", "--portrait", name, *options) for name in ("symbiotic", "one_way_symbiotic")
    )
    depth, dim, frames, tokens = 4, 160, 3, 16
    # Of the portrait's tokens: the layers of attention and MLP, and attention to both halves; in the last block only
    # the layer that gives queries, keys and values.
    spared = (depth - 1) * tokens * (12 * dim**2 + 2 * 2 * tokens * dim) + tokens * 3 * dim**2
    assert both["macs_step"] - one_way["macs_step"] == frames * spared
    once = (depth - 1) * tokens * (12 * dim**2 + 2 * tokens * dim) + tokens * 3 * dim**2
    embedding = 256 * dim + dim * dim + depth * 6 * dim * dim  # of timestep 0, and each block's modulation by it
    assert one_way["macs_window"] - both["macs_window"] == once + embedding
    assert one_way["overhead_parameters"] == both["overhead_parameters"]
    assert one_way["overhead_macs"] < both["overhead_macs"]


def test_activation_memory_is_what_a_pass_on_the_cpu_keeps(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from lt_bench.config import ModelConfig
    from lt_bench.models.build import build_model
    from lt_bench.models.conditions import Conditions
    from lt_bench.models.counting import kept_for_backward

    found = describe(capsys, "tiny", "--latent", "4x8x8", "--speech", "2x5", "frames=4", "audio_tokens=3")
    model = build_model(ModelConfig("tiny", frames=4, audio_tokens=3), (4, 8, 8), (2, 5))
    keep = torch.ones(1, dtype=torch.bool)
    audio, motion = torch.zeros(1, 4, 5, 2, 5), torch.zeros(1, 2, 4, 8, 8)
    conditions = Conditions(torch.zeros(1, 4, 8, 8), audio, motion, keep, keep)
    _, kept = kept_for_backward(model, lambda: model(torch.zeros(1, 4, 4, 8, 8), torch.zeros(1), conditions))
    assert found["activations"] == kept


def test_the_table_fits_a_narrow_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["model", "describe", "tiny"]) == 0
    one = capsys.readouterr().out
    assert "audio projector" in one
    assert "portrait fusion: symbiotic" in one
    assert "…" not in one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Z"], "key 'preset': expected 'micro', 'tiny', 'mini', 'S', 'B', 'L' or 'XL', got 'Z'"),
        (["S", "--audio", "loud"], "fusion.audio: expected one of direct, one_way_symbiotic, siamese, symbiotic"),
        (["S", "--latent", "4x32"], "--latent: expected 3 positive whole numbers as CxHxW, got '4x32'"),
        (["S", "--speech", "0x80"], "--speech: expected 2 positive whole numbers as LxD, got '0x80'"),
        (["S", "patch_size=3"], "model.patch_size: expected a divisor of 32 and 32, got 3"),
        (["S", "colour=3"], "unknown key 'colour'"),
        (["S", "frames"], "override: expected dotted.key=value, got 'frames'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["model", "describe", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
