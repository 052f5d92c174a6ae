"""A toy cache of random latents whose mouths follow the sound, and a run that takes a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lt_bench.config import RunConfig, parse_config
from lt_bench.data.cache import LatentCache
from lt_bench.data.clip_tensors import PreparedClip
from lt_bench.data.format import CacheInfo, ClipQuality, CodecInfo, SpeechInfo
from lt_bench.data.writer import CacheWriter
from lt_bench.models import compiling, presets

INFO = CacheInfo(
    dataset="synthetic",
    codec=CodecInfo("toy", "c0ffee" * 8, 3, 8, (1.0, 2.0, 3.0), (0.5, 1.0, 2.0)),
    speech=SpeechInfo("toy", "beef" * 10, 1, 4),
    resolution=32,
    latent_shape=(3, 4, 4),
    landmark_set="synthetic",
    source_hash="00",
)
TINY = presets.Size(depth=2, dim=16, heads=2)
RUN: dict[str, Any] = {
    "model": {
        "preset": "tiny",
        "patch_size": 2,
        "frames": 3,
        "motion_frames": 1,
        "audio_window": 1,
        "audio_tokens": 2,
        "audio_token_dim": 16,
        "audio_hidden": 16,
        "learn_sigma": False,
    },
    "diffusion": {"schedule": "flow", "prediction": "sample", "timesteps": "logit_normal", "mouth_weight": 3.0},
    "train": {
        "steps": 6,
        "batch_size": 2,
        "learning_rate": 1e-3,
        "warmup_steps": 2,
        "decay": "cosine",
        "ema_decay": 0.9,
        "portrait_dropout": 0.2,
        "audio_dropout": 0.2,
        "checkpoint_every": 2,
        "log_every": 2,
        "accelerator": "cpu",
        "precision": "fp32",
        "compile": False,
        "workers": 0,
    },
    "sampling": {"sampler": "flow_euler", "steps": 2},
}


def _clip(index: int, split: str) -> PreparedClip:
    rng = np.random.default_rng(index)
    frames = 12
    audio = rng.normal(size=(frames, 1, 4)).astype(np.float32)
    latents = np.tile(rng.normal(size=(1, 3, 4, 4)), (frames, 1, 1, 1)).astype(np.float32)
    latents[:, :, 3, 1:3] = audio[:, 0, :3, None]
    return PreparedClip(
        id=f"clip{index}",
        identity=f"who{index}",
        split=split,  # type: ignore[arg-type]
        role="clip",
        source="toy",
        crop=None,
        quality=ClipQuality(1.0, 20.0, 30.0, 120.0, None),
        latents=latents,
        audio=audio,
        landmarks=rng.random((frames, 7, 2)).astype(np.float32),
        mouth_box=np.tile(np.float32([0.25, 0.75, 0.75, 1.0]), (frames, 1)),
        portrait=latents[0],
        truth=np.zeros((frames, 12), np.float32),
    )


@pytest.fixture(autouse=True)
def _smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", TINY)


def make_cache(folder: Path) -> LatentCache:
    with CacheWriter(folder, INFO) as writer:
        for index in range(6):
            writer.add(_clip(index, "validation" if index == 5 else "train"))
        writer.finish()
    return LatentCache.open(folder)


@pytest.fixture(scope="session")
def toy_cache(tmp_path_factory: pytest.TempPathFactory) -> LatentCache:
    return make_cache(tmp_path_factory.mktemp("toy") / "cache")


def run_config(**changes: Any) -> RunConfig:
    """A run's configuration; keyword arguments change ``train`` keys, ``model`` and others are mappings."""
    document = {section: dict(values) for section, values in RUN.items()}
    for key, value in changes.items():
        if isinstance(value, dict):
            document[key] = {**document.get(key, {}), **value}
        else:
            document["train"][key] = value
    return parse_config(RunConfig, document)


@pytest.fixture
def make_run() -> Callable[..., RunConfig]:
    return run_config


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every graph that is compiled; the backend runs it as it is."""
    found: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        found.append(graph)
        return graph.forward

    def compiled(function: Any, **options: Any) -> Any:
        return compile_function(function, backend=backend, **options)

    compile_function = torch.compile
    monkeypatch.setattr(compiling.torch, "compile", compiled)
    torch._dynamo.reset()
    yield found
    torch._dynamo.reset()
