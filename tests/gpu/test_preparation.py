"""Preparation on the pretended GPU: the latents and speech features of the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.pipeline import prepare
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.cache import LatentCache
from lt_bench.models.codecs.base import build_codec
from lt_bench.models.codecs.diffusers_autoencoders import gpu_batch
from lt_bench.perception.device import detector_device
from lt_bench.perception.speech import build_speech_encoder
from tests.models.test_codecs_pretrained import save_kl
from tests.perception.test_speech_wav2vec2 import noise, save_tiny
from tests.support.pretended_gpu import PretendedGpu, pretended_gpu

ONE = SyntheticConfig(train_speakers=1, validation_speakers=0, test_speakers=0, takes=1, train_frames=20)


def test_speech_features_equal_those_of_the_cpu(tmp_path: Path, gpu: PretendedGpu) -> None:
    save_tiny(tmp_path)
    expected = build_speech_encoder(f"wav2vec2:{tmp_path}").encode(noise(16000), 25)
    encoder = build_speech_encoder(f"wav2vec2:{tmp_path}").to(detector_device())
    got = encoder.encode(noise(16000), 25)
    assert sum(gpu.kernels.values()) > 0
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    gpu.reset()
    encoder.encode(noise(16000), 25)
    # The sound goes there; the convolutions' features come back to be interpolated, and go again; all layers come back.
    assert [event.kind for event in gpu.syncs] == ["copy to device", "copy to host"] * 2


def test_a_cache_equals_that_of_the_cpu_up_to_rounding(tmp_path: Path) -> None:
    save_kl(tmp_path / "codec")
    save_tiny(tmp_path / "speech")
    names = {"codec": f"kl:{tmp_path / 'codec'}", "speech_encoder": f"wav2vec2:{tmp_path / 'speech'}"}
    configs = [DataConfig(cache=str(tmp_path / d), synthetic=ONE, resolution=32, **names) for d in ("cpu", "gpu")]
    prepare(configs[0], workers=1)
    with pretended_gpu() as gpu:
        prepare(configs[1], workers=1)
        assert gpu.kernels["convolution"] > 0
    caches = [LatentCache.open(Path(config.cache)) for config in configs]
    assert caches[0].info == caches[1].info
    for name in ("latents", "portrait", "audio"):
        one, two = (cache.file(cache.records("train")[0]).whole(name) for cache in caches)
        torch.testing.assert_close(two, one, rtol=2e-3, atol=1e-4)


def test_frames_of_a_forward_pass_are_a_function_of_the_gpus_size() -> None:
    layer = 128 * 256 * 256 * 4  # of SD-VAE at 256 pixels
    assert [gpu_batch(layer, gib << 30) for gib in (8, 24, 80, 141)] == [1, 4, 16, 28]
    assert gpu_batch(1, 80 << 30) == 32


def test_bfloat16_is_another_codec_and_another_encoder(tmp_path: Path) -> None:
    save_kl(tmp_path / "codec")
    save_tiny(tmp_path / "speech")
    codecs = [build_codec(f"kl:{tmp_path / 'codec'}{suffix}") for suffix in ("", "@bf16")]
    plain, low = (build_speech_encoder(f"wav2vec2:{tmp_path / 'speech'}{suffix}") for suffix in ("", "@bf16"))
    assert codecs[0].hash != codecs[1].hash
    assert plain.hash != low.hash
    one, two = (encoder.encode(noise(16000), 25) for encoder in (plain, low))
    assert two.dtype == np.float32
    assert not np.array_equal(one, two)
    assert two == pytest.approx(one, rel=0.1, abs=0.1)
