"""paper-v1 from end to end: every score's own loading code, on files of random weights that the test pins."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lt_bench.assets import table
from lt_bench.evaluation.harness import Options, evaluate
from lt_bench.evaluation.metrics.identity import identity_arcface
from lt_bench.evaluation.metrics.image import lpips
from lt_bench.evaluation.metrics.lip_sync import syncnet_scores as sync
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video
from lt_bench.perception import inception, videomae
from lt_bench.perception.i3d import pinned_i3d

CACHED = (
    inception.pinned_inception,
    pinned_i3d,
    videomae.pinned_videomae,
    lpips.pinned_lpips,
    sync._pinned,
    identity_arcface._embedder,
)
TINY = {**videomae.GIANT, "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 48}


class TinyI3d(nn.Module):
    def forward(self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False) -> Tensor:
        return x.mean([3, 4]).flatten(1) / 255


def to_official(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Transformers' names back to the official ones, for a network of one layer."""
    names = {
        value: key
        for key, value in {
            "patch_embed.proj.": "encoder.embeddings.patch_embeddings.projection.",
            "blocks.0.norm1.": "encoder.encoder.layer.0.layernorm_before.",
            "blocks.0.norm2.": "encoder.encoder.layer.0.layernorm_after.",
            "blocks.0.attn.proj.": "encoder.encoder.layer.0.attention.output.dense.",
            "blocks.0.mlp.fc1.": "encoder.encoder.layer.0.intermediate.dense.",
            "blocks.0.mlp.fc2.": "encoder.encoder.layer.0.output.dense.",
            "fc_norm.": "fc_norm.",
        }.items()
    }
    found = {}
    for ours, official in names.items():
        found.update({official + n.removeprefix(ours): v for n, v in state.items() if n.startswith(ours)})
    attention = "encoder.encoder.layer.0.attention.attention."
    found["blocks.0.attn.qkv.weight"] = torch.cat([state[f"{attention}{p}.weight"] for p in ("query", "key", "value")])
    found["blocks.0.attn.q_bias"] = found["blocks.0.attn.v_bias"] = torch.zeros(24)
    return found


@pytest.fixture
def pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mirror: Path, random_inception, onnx_file
) -> Iterator[None]:
    """Random weights where the cache expects assets, and a table that pins just these."""
    from syncnet_python.detectors.s3fd.nets import S3FDNet
    from syncnet_python.SyncNetModel import S
    from torchvision.models import alexnet

    monkeypatch.setattr(videomae, "GIANT", TINY)
    rows = dict(table.assets())
    files = {name: tmp_path / "cache" / row.file for name, row in rows.items() if row.file.startswith("detector/")}
    next(iter(files.values())).parent.mkdir(parents=True)
    random_inception(files[inception.WEIGHTS])
    onnx_file(files["w600k_r50.onnx"])
    torch.save(alexnet(weights=None).features.state_dict(prefix="features."), files["alexnet-owt-7be5be79.pth"])
    torch.save(S().state_dict(), files["syncnet_v2.model"])
    torch.save(S3FDNet(device="cpu").state_dict(), files["sfd_face.pth"])
    torch.save({"module": to_official(videomae.VideoMae(TINY).state_dict())}, files[videomae.WEIGHTS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(TinyI3d()).save(str(files["i3d_torchscript.pt"]))
    for name, file in files.items():
        if file.exists():
            rows[name] = dataclasses.replace(rows[name], sha256=sha256_file(file), bytes=file.stat().st_size)
    known = MappingProxyType(rows)
    monkeypatch.setattr(table, "assets", lambda: known)
    for cached in CACHED:
        cached.cache_clear()
    yield
    for cached in CACHED:
        cached.cache_clear()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="syncnet-python needs ffmpeg on PATH")
def test_every_score_of_paper_v1_loads_its_weights_and_gives_a_number(
    pinned: None, mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, made = tmp_path / "real", tmp_path / "made"
    for folder in (real, made):
        folder.mkdir()
    for name in ("bbaf2n", "pwij3p"):
        source = mirror / "grid-sample" / f"{name}.mpg"
        frames, sound = read_frames(source)[:, 16:272, 52:308], read_audio(source).clip(-1, 1)
        write_video(real / f"{name}.mp4", frames, audio=sound, preset="ultrafast")
        write_video(made / f"{name}.mp4", 255 - (255 - frames) // 2, audio=sound, preset="ultrafast")
    from lt_bench.evaluation.metrics.lip_sync.syncnet_scores import _pinned

    faces: Callable[..., np.ndarray] = lambda image, **_: np.array([[40.0, 40, 200, 220, 0.99]])  # noqa: E731
    monkeypatch.setattr(_pinned()._pipeline.s3fd, "detect_faces", faces)  # random weights find none
    sparse = ("fid", "kid", "precision", "recall", "lpips_alex")
    rules = load_protocol("paper-v1")
    specs = (
        dataclasses.replace(spec, settings={"stride": 25}) if spec.name in sparse else spec for spec in rules.scores
    )
    rules = dataclasses.replace(rules, scores=tuple(specs))
    first = evaluate(made, real, rules, options=Options(store=tmp_path / "store"))
    reported = {"seconds_per_video_second", "parameters", "macs_per_video_second"}
    assert {name for name, score in first.scores.items() if score.value is None} == reported
    assert not first.misses
    for name in ("fid", "kid", "fvd", "fvd_videomae", "sync_c", "identity_arcface", "lpips_alex", "sync_d"):
        assert len(first.scores[name].detector) == 64
    assert first.scores["lpips_alex"].value > 0
    assert first.scores["sync_c"].reference is not None  # the real videos' Sync always stands beside it
