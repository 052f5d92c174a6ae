"""An untrained model of random weights, which reacts to all its inputs, and a small real set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lt_bench.config import RunConfig, parse_config
from lt_bench.data.real_set import real_clip, write_real_set
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video_writer import write_video
from lt_bench.models import presets
from lt_bench.models.build import build_model
from lt_bench.models.checkpoint import LoadedModel, ModelCard, load_model, save_model
from lt_bench.models.codecs.base import build_codec
from lt_bench.perception.speech.base import build_speech_encoder

RUN: dict[str, Any] = {
    "model": {
        "preset": "tiny",
        "frames": 4,
        "motion_frames": 2,
        "audio_window": 1,
        "audio_tokens": 2,
        "audio_token_dim": 16,
        "audio_hidden": 16,
        "learn_sigma": False,
    },
    "diffusion": {"schedule": "flow", "prediction": "sample"},
    "sampling": {"sampler": "flow_euler", "steps": 3, "batch_size": 2},
}
FRAMES = {"a": 5, "b": 9, "c": 4, "d": 9}


@pytest.fixture(autouse=True)
def _smallest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(presets.PRESETS, "tiny", presets.Size(depth=1, dim=16, heads=2))


def _card() -> ModelCard:
    codec, speech = build_codec("dct"), build_speech_encoder("log_mel")
    return ModelCard(
        config=parse_config(RunConfig, RUN),
        latent_shape=(codec.channels, 4, 4),
        resolution=32,
        codec="dct",
        codec_hash=codec.hash,
        scaling=codec.scaling,
        speech_encoder="log_mel",
        speech_hash=speech.hash,
        speech_shape=(speech.layers, speech.dim),
        dataset="synthetic",
        landmark_set="synthetic",
        cache_hash="00",
        parameters=1,
        steps=0,
        seconds=1.5,
        peak_memory=1,
    )


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    card = _card()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build_model(card.config.model, card.latent_shape, card.speech_shape)
        for value in model.parameters():
            torch.nn.init.normal_(value, std=0.3)
    save_model(tmp_path / "model.safetensors", card, {"raw": model.state_dict(), "ema": model.state_dict()})
    return tmp_path / "model.safetensors"


@pytest.fixture
def loaded(model_file: Path) -> LoadedModel:
    return load_model(model_file)


@pytest.fixture
def real_folder(tmp_path: Path) -> Path:
    """Clips a (5 frames), b and d (9), c (4), and a gallery clip."""
    folder = tmp_path / "real"
    rng = np.random.default_rng(0)
    clips = []
    for name, frames in {**FRAMES, "g": 4}.items():
        pictures = rng.integers(0, 256, (frames, 32, 32, 3), dtype=np.uint8)
        sound = (0.1 * rng.normal(size=640 * frames)).clip(-1, 1).astype(np.float32)
        write_video(folder / f"{name}.mp4", pictures, 25.0, sound)
        write_png(folder / f"{name}.png", pictures[0])
        write_wav(folder / f"{name}.wav", sound)
        clips.append(real_clip(folder, name, f"who-{name}", "gallery" if name == "g" else "clip", frames, False))
    write_real_set(folder, "synthetic", "test", 32, clips)
    return folder
