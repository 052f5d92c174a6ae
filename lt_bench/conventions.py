"""Conventions of the whole package, defined once: rates, and names of files and formats."""

from __future__ import annotations

from typing import Literal

FPS = 25
"""Frames per second of clips, latents, speech features and generated videos."""
SAMPLE_RATE = 16000
"""Samples per second of sound, mono."""

Split = Literal["train", "validation", "test"]
HELD_OUT: tuple[Split, ...] = ("validation", "test")
"""Splits whose identities training never sees."""
SPLITS: tuple[Split, ...] = ("train", *HELD_OUT)

CONFIG_FILE = "config.yaml"
STATUS_FILE = "status.json"
RESULT_FILE = "result.json"
METRICS_FILE = "metrics.csv"
SYSTEM_FILE = "system.csv"
MODEL_FILE = "model.safetensors"
VIDEOS = "videos"
"""In the folder of a run: its generated videos."""
CHECKPOINTS = "checkpoints"
"""In the folder of a run: what training resumes from."""
LEADERBOARD = "leaderboard"
"""In the folder of an experiment, and next to results: tables and page."""

REAL_SETS = "real"
"""In a latent cache: a folder with the reference videos of each held-out split."""
MANIFEST_FILE = "manifest.json"
"""In the folder of a real set and of a generated set."""
GENERATED_SET_FORMAT, GENERATED_SET_VERSION = "lt_bench generated set", 1
