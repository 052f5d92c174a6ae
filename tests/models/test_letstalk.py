from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lt_bench.config import ModelConfig
from lt_bench.errors import ConfigError
from lt_bench.models import layers
from lt_bench.models.block import Block, BlockShape
from lt_bench.models.build import build_model
from lt_bench.models.conditions import Conditions
from lt_bench.models.embedders import PatchEmbedder, unpatchify
from lt_bench.models.letstalk import LetsTalk
from lt_bench.models.positions import sincos_2d, timestep_features
from lt_bench.models.tokens import WindowTokens

CONFIG = ModelConfig(
    preset="tiny", frames=4, motion_frames=2, audio_tokens=3, audio_token_dim=24, audio_hidden=16, learn_sigma=False
)
LATENT, SPEECH = (6, 8, 4), (2, 5)


def make_model(config: ModelConfig = CONFIG) -> LetsTalk:
    """A network whose zero-initialised layers are not zero."""
    torch.manual_seed(0)
    model = build_model(config, LATENT, SPEECH)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def make_conditions(config: ModelConfig = CONFIG, batch: int = 2, seed: int = 1) -> Conditions:
    generator = torch.Generator().manual_seed(seed)
    motion = torch.randn(batch, config.motion_frames, *LATENT, generator=generator)
    return Conditions(
        portrait=torch.randn(batch, *LATENT, generator=generator),
        audio=torch.randn(batch, config.frames, 2 * config.audio_window + 1, *SPEECH, generator=generator),
        motion=motion if config.motion_frames else None,
        keep_portrait=torch.ones(batch, dtype=torch.bool),
        keep_audio=torch.ones(batch, dtype=torch.bool),
    )


def make_latents(batch: int = 2, frames: int = CONFIG.frames) -> Tensor:
    return torch.randn(batch, frames, *LATENT, generator=torch.Generator().manual_seed(2))


TIMES = torch.tensor([3.0, 777.5])


@pytest.mark.parametrize(("learn_sigma", "channels"), [(False, 6), (True, 12)])
def test_prediction_has_the_latents_shape_and_as_many_channels_of_variance(learn_sigma: bool, channels: int) -> None:
    model = make_model(replace(CONFIG, learn_sigma=learn_sigma))
    assert model(make_latents(), TIMES, make_conditions()).shape == (2, 4, channels, 8, 4)


def test_a_fresh_network_predicts_zero() -> None:
    model = build_model(CONFIG, LATENT, SPEECH)
    assert not model(make_latents(), TIMES, make_conditions()).any()


@pytest.mark.parametrize("motion_frames", [0, 2])
def test_encoded_conditions_give_identical_output(motion_frames: int) -> None:
    config = replace(CONFIG, motion_frames=motion_frames)
    model, conditions = make_model(config), make_conditions(config)
    encoded = model.encode_conditions(conditions)
    assert torch.equal(model(make_latents(), TIMES, conditions), model(make_latents(), TIMES, encoded))


def test_windows_of_a_batch_do_not_see_each_other() -> None:
    model, conditions, latents = make_model(), make_conditions(), make_latents()
    alone = Conditions(
        conditions.portrait[1:],
        conditions.audio[1:],
        None if conditions.motion is None else conditions.motion[1:],
        conditions.keep_portrait[1:],
        conditions.keep_audio[1:],
    )
    both = model(latents, TIMES, conditions)
    torch.testing.assert_close(model(latents[1:], TIMES[1:], alone), both[1:], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["portrait", "audio", "motion"])
def test_every_condition_changes_the_prediction(name: str) -> None:
    model, conditions = make_model(), make_conditions()
    other = replace(conditions, **{name: getattr(make_conditions(seed=9), name)})
    assert (model(make_latents(), TIMES, conditions) - model(make_latents(), TIMES, other)).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["portrait", "audio"])
def test_a_dropped_condition_has_no_influence_and_differs_from_a_kept_one(name: str) -> None:
    model, conditions = make_model(), make_conditions()
    drop = torch.tensor([False, True])  # of the first window only
    dropped = replace(conditions, **{f"keep_{name}": drop})
    other = replace(dropped, **{name: getattr(make_conditions(seed=9), name)})
    kept, without, with_other = (model(make_latents(), TIMES, c) for c in (conditions, dropped, other))
    assert torch.equal(without[0], with_other[0])
    assert not torch.equal(without[0], kept[0])
    torch.testing.assert_close(without[1], kept[1])


def test_keeping_sets_the_whole_batch() -> None:
    conditions = make_conditions().keeping(portrait=True, audio=False)
    assert conditions.keep_portrait.tolist() == [True, True]
    assert conditions.keep_audio.tolist() == [False, False]


def test_motion_frames_pass_only_through_temporal_attention() -> None:
    torch.manual_seed(0)
    block = Block(BlockShape(16, 2))
    torch.nn.init.normal_(block.modulation.weight)
    video, motion, stream = (torch.randn(1, frames, tokens, 16) for frames, tokens in ((3, 5), (2, 5), (3, 7)))
    time = torch.randn(1, 16)
    plain = block(WindowTokens(video, motion, stream), time, ())
    other = block(WindowTokens(video, motion, stream + 1), time + 1, [(torch.add, 1)])
    assert torch.equal(plain.motion, other.motion)
    assert not torch.equal(plain.video, other.video)


def test_temporal_attention_keeps_places_apart() -> None:
    torch.manual_seed(0)
    block = Block(BlockShape(16, 2))  # fresh: spatial attention and MLP are gated off
    video = torch.randn(1, 3, 5, 16)
    changed = video.clone()
    changed[0, 0, 2] += 1
    before, after = (block(WindowTokens(v, None, None), torch.zeros(1, 16), ()).video for v in (video, changed))
    moved = (before != after).any(-1)[0]
    assert moved[:, 2].all()
    assert not moved[:, [0, 1, 3, 4]].any()


def test_the_last_block_spares_the_stream_without_changing_the_video() -> None:
    torch.manual_seed(0)
    full, last = Block(BlockShape(16, 2)), Block(BlockShape(16, 2), last=True)
    torch.nn.init.normal_(full.modulation.weight)
    last.load_state_dict(full.state_dict())
    tokens = WindowTokens(torch.randn(1, 3, 5, 16), None, torch.randn(1, 3, 7, 16))
    time = torch.randn(1, 16)
    expected, got = (block(tokens, time, ()).video for block in (full, last))
    torch.testing.assert_close(got, expected)


def test_patches_come_back_where_they_were() -> None:
    embed = PatchEmbedder(channels=3, patch=2, dim=12)
    embed.proj.weight.data = torch.eye(12)
    latents = torch.randn(2, 2, 3, 4, 6)
    patches = embed(latents)
    assert torch.equal(patches[1, 0, 4], latents[1, 0, :, 2:4, 2:4].flatten())  # second row, second column
    # The final layer orders a patch (row, column, channel); the embedder (channel, row, column), as a convolution does.
    reordered = patches.unflatten(-1, (3, 2, 2)).permute(0, 1, 2, 4, 5, 3).flatten(3)
    assert torch.equal(unpatchify(reordered, 4, 6, 2), latents)


def test_positions_tell_the_column_then_the_row() -> None:
    grid = sincos_2d(2, 3, 8)
    assert grid.shape == (6, 8)
    expected = torch.tensor([2.0, 0.02]).sin().tolist() + torch.tensor([2.0, 0.02]).cos().tolist()
    torch.testing.assert_close(grid[5, :4], torch.tensor(expected))  # column 2
    torch.testing.assert_close(grid[5, 4:6], torch.tensor([1.0, 0.01]).sin())  # row 1


def test_timestep_features_are_cosines_then_sines() -> None:
    features = timestep_features(torch.tensor([0.0, 2.0]), 256)
    assert features[0].tolist() == [1.0] * 128 + [0.0] * 128
    torch.testing.assert_close(
        features[1, [0, 128]], torch.tensor([2.0, 2.0]).sin().flip(0).new_tensor([-0.4161468, 0.9092974])
    )


@pytest.mark.parametrize("given", [None, 1, 3])
def test_a_wrong_number_of_motion_frames_is_refused(given: int | None) -> None:
    motion = None if given is None else torch.zeros(2, given, *LATENT)
    with pytest.raises(ValueError, match="motion: expected 2 frames"):
        make_model()(make_latents(), TIMES, replace(make_conditions(), motion=motion))


def test_a_window_longer_than_the_models_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at most 4 frames, got 5"):
        make_model()(make_latents(frames=5), TIMES, make_conditions())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch_size": 3}, "model.patch_size: expected a divisor of 8 and 4, got 3"),
        ({"patch_size": 0}, "model.patch_size: expected at least 1, got 0"),
        ({"motion_frames": -1}, "model.motion_frames: expected at least 0, got -1"),
        ({"audio_tokens": 0}, "model.audio_tokens: expected at least 1, got 0"),
    ],
)
def test_sizes_that_do_not_fit_name_their_key(change: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(replace(CONFIG, **change), LATENT, SPEECH)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (make_model().state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_more_sequences_than_a_kernel_takes_are_attended_to_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, keys, values = (torch.randn(7, 2, n, 4) for n in (3, 5, 5))
    whole = layers.softmax_attention(queries, keys, values)
    sizes: list[int] = []
    attend = torch.nn.functional.scaled_dot_product_attention

    def counted(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        sizes.append(len(q))
        return attend(q, k, v)

    monkeypatch.setattr(layers.F, "scaled_dot_product_attention", counted)
    monkeypatch.setattr(layers, "MOST_SEQUENCES", 3)
    assert torch.equal(layers.softmax_attention(queries, keys, values), whole)
    assert sizes == [3, 3, 1]
