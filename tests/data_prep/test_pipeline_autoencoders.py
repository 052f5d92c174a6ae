"""Autoencoders of diffusers through preparation: encoded, cached raw, scaled on load, decoded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderDC, AutoencoderKL

from data_prep.pipeline import prepare
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.cache import LatentCache
from lt_bench.errors import CacheError
from lt_bench.media.image import read_image
from lt_bench.models.codecs.base import build_codec, frames_to_tensor

SET = SyntheticConfig(
    train_speakers=1, validation_speakers=1, test_speakers=1, takes=2, train_frames=16, test_frames=16
)


def _save(kind: str, folder: Path) -> float:
    torch.manual_seed(0)
    if kind == "kl":
        network = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(4, 4, 4, 8),
            norm_num_groups=2,
        )
        factor = 0.18215
    else:
        factor = 0.41407
        layers = {"layers_per_block": (1, 1, 1), "qkv_multiscales": ((), (), ()), "block_out_channels": (8, 8, 16)}
        sides = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in layers.items()}
        network = AutoencoderDC(latent_channels=8, attention_head_dim=4, scaling_factor=factor, **sides)
    network.save_pretrained(folder)
    return factor


@pytest.mark.parametrize(("kind", "channels"), [("kl", 4), ("dc", 8)])
def test_latents_are_cached_raw_scaled_on_load_and_decoded(tmp_path: Path, kind: str, channels: int) -> None:
    factor = _save(kind, tmp_path / "vae")
    spec = f"{kind}:{tmp_path / 'vae'}"
    config = DataConfig(cache=str(tmp_path / "cache"), resolution=32, codec=spec, synthetic=SET)
    cache = prepare(config, workers=1).cache
    codec = build_codec(spec)
    side = 32 // codec.factor
    assert cache.info.latent_shape == (channels, side, side)
    assert cache.info.codec.hash == codec.hash
    record = cache.records("test", "clip")[0]
    latents = cache.read_latents(record, 0, 16)
    raw = cache.file(record).slice("latents", 0, 16).float()
    torch.testing.assert_close(latents, raw * factor)
    # The exported portrait is a PNG, so its latent is known exactly, but for the cache's half precision.
    picture = read_image(cache.real_folder("test") / f"{record.id}.png")
    expected = codec.encode(frames_to_tensor(picture[None]))[0]
    torch.testing.assert_close(cache.read_portrait(record), expected * factor, atol=2e-3, rtol=2e-3)
    assert codec.decode(cache.scaling.latents_to_raw(latents)).shape == (16, 3, 32, 32)
    with pytest.raises(CacheError, match="expected latents of codec"):
        LatentCache.open(tmp_path / "cache").require(codec_hash=build_codec(f"{spec}@bf16").hash)
