"""Codecs on the pretended GPU: the numbers of the CPU, and no synchronization within a batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lt_bench.models.codecs.base import Codec, build_codec
from lt_bench.models.codecs.taef2 import Taef2Codec, build_decoder, build_encoder
from tests.models.test_codecs_pretrained import save_dc, save_kl
from tests.support.pretended_gpu import PretendedGpu, to_host

CODECS = ("dct", "kl", "dc", "taef2")


@pytest.fixture
def codec(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Codec:
    if request.param == "dct":
        return build_codec("dct")
    if request.param == "taef2":
        torch.manual_seed(0)
        monkeypatch.setattr(Taef2Codec, "_encoder", build_encoder().eval().requires_grad_(False))
        monkeypatch.setattr(Taef2Codec, "_decoder", build_decoder().eval().requires_grad_(False))
        return Taef2Codec()
    {"kl": save_kl, "dc": save_dc}[request.param](tmp_path)
    return build_codec(f"{request.param}:{tmp_path}")


@pytest.mark.parametrize("codec", CODECS, indirect=True)
def test_encoding_and_decoding_equal_the_cpus(codec: Codec, gpu: PretendedGpu) -> None:
    torch.manual_seed(0)
    frames = torch.rand(9, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        raw = codec.encode(frames)
        decoded = codec.decode(raw)
        on_gpu = codec.encode(frames.to("cuda"))
        torch.testing.assert_close(to_host(on_gpu), raw, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(to_host(codec.decode(on_gpu)), decoded, rtol=1e-4, atol=1e-5)
        gpu.reset()
        codec.decode(codec.encode(on_gpu.new_zeros(9, 3, 32, 32)))
    assert gpu.syncs == []
