from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from lt_bench.errors import ConfigError
from lt_bench.models.conditions import FusedCondition
from lt_bench.models.fusion import FUSIONS, Fusion, FusionShape, build_fusion, register_fusion

SCHEMES = ("direct", "one_way_symbiotic", "siamese", "symbiotic")
CELLS = list(itertools.product(SCHEMES, SCHEMES))
LATENT, SPEECH = (4, 8, 8), (1, 6)
PORTRAIT = FusionShape("portrait", depth=2, dim=16, heads=2, tokens=5, token_dim=16, embedded=True)
AUDIO = FusionShape("audio", depth=2, dim=16, heads=2, tokens=3, token_dim=12, embedded=False)


@pytest.mark.parametrize(("portrait", "audio"), CELLS)
def test_one_backward_reaches_every_parameter_of_every_cell(
    make_model, make_conditions, portrait: str, audio: str
) -> None:
    model = make_model(portrait, audio)
    model(torch.randn(2, 3, *LATENT), torch.tensor([5.0, 900.0]), make_conditions()).square().mean().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize(("portrait", "audio"), CELLS)
def test_every_cell_hears_the_voice_and_sees_the_portrait(
    make_model, make_conditions, portrait: str, audio: str
) -> None:
    model, first, second = make_model(portrait, audio), make_conditions(), make_conditions(7)
    latents, time = torch.randn(2, 3, *LATENT), torch.tensor([5.0, 900.0])
    with torch.no_grad():
        plain = model(latents, time, first)
        seen = (model(latents, time, replace(first, portrait=second.portrait)) - plain).abs().amax((1, 2, 3, 4))
        heard = (model(latents, time, replace(first, audio=second.audio)) - plain).abs().amax((1, 2, 3, 4))
        encoded = model(latents, time, model.encode_conditions(first))
    assert torch.equal(plain, encoded)
    assert seen[0] > 1e-4 and seen[1] == 0  # noqa: PT018 - the portrait of the second window is dropped
    assert heard[0] == 0 and heard[1] > 1e-4  # noqa: PT018 - and the audio of the first


@pytest.mark.parametrize("scheme", ["direct", "siamese"])
def test_a_frames_audio_guides_that_frame_alone(scheme: str) -> None:
    torch.manual_seed(0)
    fusion = build_fusion(scheme, AUDIO)
    video, tokens = torch.randn(2, 4, 5, 16), torch.randn(2, 4, 3, 12)
    changed = tokens.clone()
    changed[1, 2] += 1
    before, after = (fusion.guide(1, video, fusion.encode(t)) for t in (tokens, changed))
    moved = (before != after).flatten(2).any(-1)
    assert moved.tolist() == [[False] * 4, [False, False, True, False]]


@pytest.mark.parametrize("scheme", ["direct", "siamese"])
def test_a_portrait_encoded_once_guides_as_if_repeated_for_each_frame(scheme: str) -> None:
    torch.manual_seed(0)
    fusion = build_fusion(scheme, PORTRAIT)
    video, tokens = torch.randn(2, 4, 5, 16), torch.randn(2, 1, 5, 16)
    once, repeated = (fusion.guide(0, video, fusion.encode(t)) for t in (tokens, tokens.repeat(1, 4, 1, 1)))
    torch.testing.assert_close(once, repeated)


def test_direct_reads_by_plain_cross_attention() -> None:
    torch.manual_seed(0)
    fusion = build_fusion("direct", replace(AUDIO, depth=1))
    layer = fusion.attention[0]
    video, tokens = torch.randn(1, 1, 5, 16), torch.randn(1, 1, 3, 12)
    reference = nn.MultiheadAttention(16, 2, batch_first=True, kdim=12, vdim=12)
    keys, values = layer.kv.weight.chunk(2)
    reference.load_state_dict(
        {
            "q_proj_weight": layer.q.weight,
            "k_proj_weight": keys,
            "v_proj_weight": values,
            "in_proj_bias": torch.zeros(48),
            "out_proj.weight": layer.proj.weight,
            "out_proj.bias": layer.proj.bias,
        }
    )
    query = nn.functional.layer_norm(video[0], (16,), eps=1e-6)
    expected = video[0] + reference(query, tokens[0], tokens[0])[0]
    torch.testing.assert_close(fusion.guide(0, video, fusion.encode(tokens))[0], expected)


def test_siamese_layers_are_successive_layers_of_one_twin() -> None:
    torch.manual_seed(0)
    fusion = build_fusion("siamese", PORTRAIT)
    tokens = torch.randn(1, 1, 5, 16)
    with torch.no_grad():
        first, second = fusion.encode(tokens).layers
        for parameter in fusion.twin[1].parameters():
            parameter.add_(0.1)
        first_after, second_after = fusion.encode(tokens).layers
    assert torch.equal(first, first_after)
    assert not torch.equal(second, second_after)


def test_symbiotic_tokens_are_the_condition_itself() -> None:
    portrait = build_fusion("symbiotic", PORTRAIT)
    tokens = torch.randn(2, 1, 5, 16)
    assert torch.equal(portrait.encode(tokens).stream, tokens)
    assert sum(p.numel() for p in portrait.parameters()) == 0
    audio = build_fusion("symbiotic", AUDIO)
    assert audio.encode(torch.randn(2, 4, 3, 12)).stream.shape == (2, 4, 3, 16)
    video = torch.randn(2, 4, 5, 16)
    assert audio.guide(0, video, FusedCondition()) is video


def test_an_unknown_scheme_names_those_there_are(make_model) -> None:
    with pytest.raises(
        ConfigError, match=r"fusion.audio: expected one of direct, one_way_symbiotic, siamese.*, got 'telepathic'"
    ):
        make_model("direct", "telepathic")


def test_a_new_scheme_is_one_class_under_a_name(make_model, make_conditions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FUSIONS, "_added", {})

    @register_fusion
    class Added(Fusion):
        """The mean of the condition's tokens is added to every video token."""

        name = "added"

        def __init__(self, shape: FusionShape) -> None:
            super().__init__(shape)
            self.project = nn.Linear(shape.token_dim, shape.dim)

        def encode(self, tokens: Tensor) -> FusedCondition:
            return FusedCondition(layers=(self.project(tokens.mean(2, keepdim=True)),) * self.shape.depth)

        def guide(self, layer: int, video: Tensor, fused: FusedCondition) -> Tensor:
            return video + fused.layers[layer]

    assert "added" in FUSIONS.names()
    for cell in (("added", "added"), ("symbiotic", "added")):
        output = make_model(*cell)(torch.randn(2, 3, *LATENT), torch.tensor([5.0, 900.0]), make_conditions())
        assert output.shape == (2, 3, *LATENT)
    Added.name = "direct"
    with pytest.raises(ConfigError, match="expected a name that is not taken, got 'direct'"):
        register_fusion(Added)
