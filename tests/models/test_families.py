"""The linear family against diffusers' SANA, the alternating order against plain torch modules."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lt_bench.config import ModelConfig
from lt_bench.errors import ConfigError
from lt_bench.models.block import BlockShape, SpatialBlock
from lt_bench.models.build import build_model
from lt_bench.models.families import FAMILIES
from lt_bench.models.families.linear import LinearAttention, MixFeedForward
from lt_bench.models.layers import SelfAttention, modulate
from lt_bench.models.orders import BlockPair
from lt_bench.models.presets import PRESETS, Size
from lt_bench.models.tokens import WindowTokens

LATENT, SPEECH = (32, 4, 2), (1, 6)
SCHEMES = ("direct", "one_way_symbiotic", "siamese", "symbiotic")
VARIANTS = [("linear", "factorised"), ("softmax", "alternating"), ("linear", "alternating")]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", Size(depth=4, dim=32, heads=2))


@pytest.mark.parametrize(("family", "order"), VARIANTS)
@pytest.mark.parametrize(("portrait", "audio"), list(itertools.product(SCHEMES, SCHEMES)))
def test_every_family_and_order_holds_every_cell(
    make_model, make_conditions, portrait: str, audio: str, family: str, order: str
) -> None:
    model = make_model(portrait, audio, patch_size=1, family=family, order=order)
    conditions, other = make_conditions(), make_conditions(7)
    latents, time = torch.randn(2, 3, *LATENT), torch.tensor([5.0, 900.0])
    output = model(latents, time, model.encode_conditions(conditions))
    output.square().mean().backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []
    with torch.no_grad():
        assert torch.equal(model(latents, time, conditions), output)
        for name, index in (("portrait", 0), ("audio", 1), ("motion", 0)):
            changed = model(latents, time, replace(conditions, **{name: getattr(other, name)}))
            assert (changed - output)[index].abs().max() > 1e-5, name


def test_linear_attention_is_that_of_sana() -> None:
    from diffusers.models.attention_processor import Attention, SanaLinearAttnProcessor2_0

    torch.manual_seed(0)
    ours = LinearAttention(64)
    theirs = Attention(64, heads=2, dim_head=32, bias=False, out_bias=True, processor=SanaLinearAttnProcessor2_0())
    q, k, v = ours.qkv.weight.chunk(3)
    state = {"to_q.weight": q, "to_k.weight": k, "to_v.weight": v}
    theirs.load_state_dict(state | {f"to_out.0.{name}": value for name, value in ours.proj.state_dict().items()})
    x = torch.randn(3, 7, 64)
    torch.testing.assert_close(ours(x), theirs(x))


def test_gated_convolution_is_that_of_sana() -> None:
    from diffusers.models.transformers.sana_transformer import GLUMBConv

    torch.manual_seed(0)
    ours, theirs = MixFeedForward(8, (3, 4)), GLUMBConv(8, 8, 4, norm_type=None, residual_connection=False)
    wide, depth, narrow = (layer.state_dict() for layer in (ours.widen, ours.depthwise, ours.narrow))
    state = {f"conv_inverted.{k}": v for k, v in wide.items()} | {f"conv_depth.{k}": v for k, v in depth.items()}
    state["conv_point.weight"] = narrow["weight"]
    theirs.load_state_dict({k: v[..., None, None] if v.ndim == 2 else v for k, v in state.items()})
    x = torch.randn(2, 5, 12, 8)
    images = x.flatten(0, 1).transpose(1, 2).unflatten(2, (3, 4))
    torch.testing.assert_close(ours(x), theirs(images).flatten(2).transpose(1, 2).view(x.shape))


@pytest.mark.parametrize("family", FAMILIES.names())
def test_reading_a_context_is_attending_to_its_tokens_too(family: str) -> None:
    torch.manual_seed(0)
    attention = FAMILIES.get(family)().attention(64, 2)
    video, portrait = torch.randn(2 * 3, 5, 64), torch.randn(2, 7, 64)
    joined = torch.cat([video.view(2, 3, 5, 64), portrait[:, None].expand(-1, 3, -1, -1)], dim=2).flatten(0, 1)
    _, context = attention.project(portrait)
    torch.testing.assert_close(attention(video, None, [context]), attention(joined, 5), rtol=1e-4, atol=1e-5)


def test_the_linear_family_feeds_forward_the_video_alone() -> None:
    torch.manual_seed(0)
    block = SpatialBlock(BlockShape(32, 2, FAMILIES.get("linear")(), (2, 3)))
    nn.init.normal_(block.modulation.weight)
    with torch.no_grad():
        block.modulation.weight[2 * 32 : 3 * 32] = 0  # the gate of attention
        block.modulation.bias[2 * 32 : 3 * 32] = 0
    tokens = WindowTokens(torch.randn(1, 2, 6, 32), None, torch.randn(1, 2, 4, 32))
    after = block(tokens, torch.randn(1, 32), ())
    assert torch.equal(after.stream, tokens.stream)
    assert not torch.equal(after.video, tokens.video)


def test_a_pair_is_a_dit_block_in_space_then_one_in_time() -> None:
    torch.manual_seed(0)
    pair = BlockPair(BlockShape(16, 2))
    for modulation in (pair.spatial.modulation, pair.temporal.modulation):
        nn.init.normal_(modulation.weight)
    video, motion, time = torch.randn(2, 3, 5, 16), torch.randn(2, 2, 5, 16), torch.randn(2, 16)
    after = pair(WindowTokens(video, motion, None), time, ())
    x = torch.stack([_dit(pair.spatial, video[:, f], time) for f in range(3)], dim=1)
    x = torch.cat([motion, x], dim=1)
    x = torch.stack([_dit(pair.temporal, x[:, :, n], time) for n in range(5)], dim=2)
    torch.testing.assert_close(torch.cat([after.motion, after.video], dim=1), x, rtol=1e-4, atol=1e-5)


def _dit(block: nn.Module, x: Tensor, time: Tensor) -> Tensor:
    """A DiT block (Peebles and Xie 2023) around torch's own attention."""
    assert isinstance(block.attention, SelfAttention)
    shift1, scale1, gate1, shift2, scale2, gate2 = block.modulation(time)[:, None].chunk(6, dim=-1)
    reference = nn.MultiheadAttention(16, 2, batch_first=True)
    reference.in_proj_weight.data, reference.in_proj_bias.data = block.attention.qkv.weight, block.attention.qkv.bias
    reference.out_proj.load_state_dict(block.attention.proj.state_dict())
    y = modulate(x, shift1, scale1)
    x = x + gate1 * reference(y, y, y)[0]
    first, _, second = block.mlp
    return x + gate2 * second(F.gelu(first(modulate(x, shift2, scale2)), approximate="tanh"))


@pytest.mark.parametrize(
    ("change", "size", "message"),
    [
        ({"order": "alternating"}, Size(3, 32, 2), "model.order: expected a preset of even depth .* got 3 blocks"),
        ({"family": "linear"}, Size(2, 48, 2), "model.family: expected a hidden size divisible by 32 .* got 48"),
    ],
)
def test_sizes_that_do_not_fit_name_their_key(
    change: dict[str, str], size: Size, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tiny", size)
    with pytest.raises(ConfigError, match=message):
        build_model(replace(ModelConfig("tiny", patch_size=1), **change), LATENT, SPEECH)
