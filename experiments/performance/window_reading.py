"""Measure the speed of reading random training windows, compared with copying the bytes and decoding the mp4.

    python experiments/performance/window_reading.py [--out experiments/performance/window_reading.json]

Clips have 10 s of random numbers in the shapes of real caches and are in the page cache. ``copy`` is the bound:
``preadv`` of the same bytes into existing memory. ``mp4, window only`` opens the file and decodes 16 frames from its
start, which is the minimum for any window. ``mp4`` decodes up to the window's end, as a file with one keyframe needs.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import medians, report

from data_prep.encoding.clip_export import CRF
from data_prep.synthetic.dataset import SyntheticClipSpec, render
from lt_bench.data.cache import LatentCache
from lt_bench.data.clip_tensors import PreparedClip
from lt_bench.data.format import CacheInfo, ClipQuality, CodecInfo, SpeechInfo
from lt_bench.data.training_windows import WindowDataset
from lt_bench.data.writer import CacheWriter
from lt_bench.media.video import iter_frames, write_video

CLIPS, FRAMES, WINDOW, DRAWS, VIDEO_DRAWS = 16, 250, 16, 200, 4
READ_ROUNDS, ROUNDS = 25, 5
TENSORS = ("latents", "audio", "landmarks", "mouth_box")
SETS = {
    "SD-VAE 4x32x32, wav2vec2 12x768": ((4, 32, 32), (12, 768)),
    "DCT 32x16x16, log-mel 1x80": ((32, 16, 16), (1, 80)),
    "DCT 32x8x8, log-mel 1x80": ((32, 8, 8), (1, 80)),
}


def build(folder: Path, latent: tuple[int, int, int], speech: tuple[int, int]) -> LatentCache:
    """Build a cache of random numbers."""
    rng = np.random.default_rng(0)
    channels, side = latent[0], latent[1]
    info = CacheInfo(
        "folder",
        CodecInfo("random", "00", channels, 8, (0.0,) * channels, (1.0,) * channels),
        SpeechInfo("random", "00", *speech),
        side * 8,
        latent,
        "mediapipe478",
        "00",
    )
    with CacheWriter(folder, info) as writer:
        for index in range(CLIPS):
            clip = PreparedClip(
                f"clip{index:02d}",
                f"who{index:02d}",
                "train",
                "clip",
                "random",
                None,
                ClipQuality(1.0, 200.0, 30.0, 120.0, -20.0),
                rng.normal(size=(FRAMES, *latent)),
                rng.normal(size=(FRAMES, *speech)),
                rng.random((FRAMES, 478, 2)),
                rng.random((FRAMES, 4)),
                rng.normal(size=latent),
            )
            writer.add(clip)
        writer.finish()
    return LatentCache.open(folder)


def copier(cache: LatentCache, draws: list[tuple[int, int]]) -> tuple[Callable[[], None], int]:
    """Return a function that copies the bytes of the drawn windows to one buffer, and the number of these bytes."""
    import json

    plan = []
    for record in cache.records():
        handle = os.open(cache.path / record.file, os.O_RDONLY)
        size = int.from_bytes(os.pread(handle, 8, 0), "little")
        header = json.loads(os.pread(handle, size, 8))
        spans = [header[name]["data_offsets"] for name in TENSORS]
        plan.append((handle, [(8 + size + begin, (end - begin) // FRAMES) for begin, end in spans]))
    pieces = [(plan[c][0], at + start * row, WINDOW * row) for c, start in draws for at, row in plan[c][1]]
    memory = memoryview(bytearray(max(size for _, _, size in pieces)))
    ready = [(handle, [memory[:size]], at) for handle, at, size in pieces]

    def copy() -> None:
        for handle, target, at in ready:
            os.preadv(handle, target, at)

    return copy, sum(size for _, _, size in pieces)


def readers(cache: LatentCache, draws: list[tuple[int, int]]) -> dict[str, Callable[[], None]]:
    """Return methods that read the drawn windows from the cache."""
    records = cache.records()
    data = WindowDataset(
        cache, "train", frames=WINDOW, motion_frames=2, audio_radius=2, length=len(draws), seed=0, reference="frame"
    )

    def stored() -> None:
        for clip, start in draws:
            cache.file(records[clip]).window(TENSORS, start, start + WINDOW)

    def as_float() -> None:
        for clip, start in draws:
            file = cache.file(records[clip])
            for name in TENSORS:
                file.slice(name, start, start + WINDOW)

    def items() -> None:
        for index in range(len(draws)):
            data[index]

    return {"read": stored, "read as float32": as_float, "training item": items}


def decoders(video: Path, draws: list[tuple[int, int]]) -> dict[str, Callable[[], None]]:
    """Return methods that decode the frames of some drawn windows from an mp4."""

    def decode(count: int) -> None:
        with closing(iter_frames(video)) as frames:
            for _ in islice(frames, count):
                pass

    def whole() -> None:
        for _, start in draws[:VIDEO_DRAWS]:
            decode(start + WINDOW)

    def least() -> None:
        for _ in range(VIDEO_DRAWS):
            decode(WINDOW)

    return {"mp4": whole, "mp4, window only": least}


def measure_set(name: str, folder: Path) -> dict[str, Any]:
    """Measure all times of one set of shapes, in microseconds per window."""
    latent, speech = SETS[name]
    rng = np.random.default_rng(1)
    draws = [(int(rng.integers(CLIPS)), int(rng.integers(FRAMES - WINDOW + 1))) for _ in range(DRAWS)]
    cache = build(folder, latent, speech)
    copy, size = copier(cache, draws)
    video = folder / "clip.mp4"
    spec = SyntheticClipSpec("clip", "who", "train", "clip", 1_000_000_000, 0, FRAMES)
    write_video(video, render(spec, latent[1] * 8).frames, crf=CRF)
    read = readers(cache, draws)
    times = medians({"copy": copy, "read": read.pop("read")}, READ_ROUNDS, processor=True)
    times |= medians({**read, **decoders(video, draws)}, ROUNDS, processor=True)
    each = {key: value / (VIDEO_DRAWS if "mp4" in key else DRAWS) * 1e6 for key, value in times.items()}
    return {
        "set": name,
        "bytes_a_window": size // DRAWS,
        "microseconds": {key: round(value, 1) for key, value in each.items()},
        "read_over_copy_speed": round(each["copy"] / each["read"], 3),
        "read_as_float32_over_copy_speed": round(each["copy"] / each["read as float32"], 3),
        "mp4_window_only_over_read_as_float32": round(each["mp4, window only"] / each["read as float32"], 1),
        "mp4_window_only_over_training_item": round(each["mp4, window only"] / each["training item"], 1),
        "mp4_over_training_item": round(each["mp4"] / each["training item"], 1),
    }


def main() -> None:
    """Measure all sets, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Speed of reading random windows.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = [measure_set(name, Path(folder) / str(index)) for index, name in enumerate(SETS)]
    keys = list(found[0]["microseconds"])
    rows = [
        ("set", "KiB", *(f"{key}, us" for key in keys), "copy/read", "mp4 least / read float32", "mp4 least / item"),
        *(
            (
                f["set"],
                f"{f['bytes_a_window'] / 1024:.0f}",
                *(f"{f['microseconds'][key]:.0f}" for key in keys),
                f"{f['read_over_copy_speed']:.0%}",
                f"{f['mp4_window_only_over_read_as_float32']:.0f}x",
                f"{f['mp4_window_only_over_training_item']:.0f}x",
            )
            for f in found
        ),
    ]
    settings = {"clips": CLIPS, "frames": FRAMES, "window": WINDOW, "draws": DRAWS, "rounds": [READ_ROUNDS, ROUNDS]}
    clock = "CPU seconds of the process, median of rounds; every round measures every way once"
    report(arguments.out, {"clock": clock, **settings, "sets": found}, rows, "Random windows of 16 frames")


if __name__ == "__main__":
    main()
