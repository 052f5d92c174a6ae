"""The commands that are broken off, each on the smallest real work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

CLIPS = 8
SIDE = 32
SPEAKERS = {"train_speakers": 2, "validation_speakers": 1, "test_speakers": 2, "train_frames": 24, "test_frames": 45}
RUN = {
    "model": {"preset": "micro", "frames": 4, "motion_frames": 1, "audio_tokens": 2, "audio_token_dim": 16}
    | {"learn_sigma": False},
    "diffusion": {"schedule": "flow", "prediction": "sample", "timesteps": "logit_normal"},
    "train": {"steps": 8, "batch_size": 1, "learning_rate": 1e-3, "ema_decay": 0.5, "threads": 1}
    | {"checkpoint_every": 2, "log_every": 2, "validate_every": 4, "accelerator": "cpu"},
    "sampling": {"sampler": "flow_euler", "steps": 1},
}
CELLS = [{"portrait": "symbiotic", "audio": "direct"}, {"portrait": "direct", "audio": "symbiotic"}]
EXPERIMENT = {**RUN, "name": "minimal", "out": "out", "cells": CELLS, "max_parallel": 2}
SEARCH = {
    **RUN,
    "name": "minimal",
    "out": "out",
    "trials": 2,
    "workers": 1,
    "heartbeat": 1,
    "grace": 3,
    "retries": 99,
    "space": {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    "objectives": [{"score": "psnr"}],
    "evaluation": {"split": "validation"},
}
PROTOCOL = {"id": "pixels", "version": 1, "about": "for tests", "scores": [{"name": "psnr"}, {"name": "ssim"}]}


LINES = {
    "prepare": f"prepare synthetic --out out --workers 1 --resolution {SIDE} --codec dct "
    + " ".join(f"synthetic.{key}={value}" for key, value in {**SPEAKERS, "train_speakers": 8}.items()),
    "train": "train --config run.yaml --out out --tracking off",
    "ablate": "ablate experiment.yaml",
    "search": "search search.yaml",
    "evaluate": "evaluate --generated made --real real --protocol pixels.yaml --workers 1 --store out/store "
    "--out out/result.json --csv out/result.csv",
    "generate": "generate --checkpoint model.safetensors --portrait portrait.png --audio voice.wav --out out/video.mp4",
}
COMMANDS = {name: tuple(line.split()) for name, line in LINES.items()}
"""Each runs in a folder of inputs, and what it makes is below ``out``."""
SIDE_BY_SIDE = dict.fromkeys(("prepare", "evaluate"), ("--workers", "2"))
"""What such a command takes to work in processes of its own, which import for seconds; no byte differs for it."""


def write_inputs(folder: Path) -> None:
    """Configurations, and videos to score; the cache and a model are made by the commands themselves."""
    from lt_bench.media.audio import write_wav
    from lt_bench.media.video_writer import write_video

    data = {"cache": str(folder / "cache"), "resolution": SIDE, "codec": "dct", "synthetic": SPEAKERS}
    for name, document in {"run": RUN, "experiment": EXPERIMENT, "search": SEARCH}.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**document, "data": data}))
    (folder / "pixels.yaml").write_text(yaml.safe_dump(PROTOCOL))
    rng = np.random.default_rng(0)
    for number in range(CLIPS):
        frames = rng.integers(0, 256, (40, 20, 20, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
        for side, crf in (("real", 12), ("made", 30)):
            write_video(folder / side / f"{number:02}.mp4", frames, crf=crf, preset="ultrafast")
    write_wav(folder / "voice.wav", rng.normal(0, 0.1, 16000 * 12).astype(np.float32))


def link_inputs(inputs: Path, folder: Path) -> None:
    """The same inputs in another folder."""
    folder.mkdir()
    for path in inputs.iterdir():
        if path.name != "log.txt":
            (folder / path.name).symlink_to(path)
