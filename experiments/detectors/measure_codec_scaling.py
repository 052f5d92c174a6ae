"""Measure the whitening constants of codecs without a scaling convention, on synthetic and real faces.

    LT_BENCH_MIRROR=... python experiments/detectors/measure_codec_scaling.py dct taef2

Four sets weigh the same: synthetic speakers and the real grid-sample clips (central square), each at 64 and at 128
pixels. Writes ``lt_bench/models/codecs/<codec>_scaling.json`` and prints the reconstruction's PSNR on each set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

import lt_bench.models.codecs as codecs
from data_prep.synthetic import make_clip
from data_prep.synthetic.dataset import speaker_seed
from lt_bench.assets.store import asset_path
from lt_bench.assets.table import assets
from lt_bench.files import write_json
from lt_bench.models.codecs import Codec, build_codec, frames_to_tensor, tensor_to_frames

SIDES = (64, 128)
SPEAKERS, EVERY = 48, 12


def synthetic_frames() -> list[np.ndarray]:
    """Three frames each of training speakers."""
    clips = (make_clip(speaker_seed("train", index), 0, 3 * EVERY, max(SIDES)) for index in range(SPEAKERS))
    return [frame for clip in clips for frame in clip.frames[::EVERY]]


def real_frames() -> list[np.ndarray]:
    """Central squares of the real clips, twice a second."""
    from lt_bench.media.video import read_frames

    frames = []
    for asset in assets().values():
        if asset.group == "grid-sample":
            video = read_frames(asset_path(asset.name))
            margin = (video.shape[2] - video.shape[1]) // 2
            frames += list(video[::EVERY, :, margin : margin + video.shape[1]])
    return frames


def measure(codec: Codec, sets: dict[str, list[np.ndarray]]) -> dict[str, list[float]]:
    """Compute mean and standard deviation per channel, over the mixture of the sets."""
    means, squares = [], []
    for name, frames in sets.items():
        for side in SIDES:
            small = np.stack([cv2.resize(f, (side, side), interpolation=cv2.INTER_AREA) for f in frames])
            raw = codec.encode(frames_to_tensor(small))
            error = ((tensor_to_frames(codec.decode(raw)).astype(float) - small) ** 2).mean((1, 2, 3))
            print(f"{codec.name} {name} {side} px: PSNR {(10 * np.log10(255**2 / error)).mean():.2f} dB", flush=True)
            means.append(raw.double().mean((0, 2, 3)))
            squares.append(raw.double().square().mean((0, 2, 3)))
    mean = torch.stack(means).mean(0)
    deviation = (torch.stack(squares).mean(0) - mean**2).sqrt()
    return {"mean": [round(v, 4) for v in mean.tolist()], "std": [float(f"{v:.4g}") for v in deviation.tolist()]}


def main() -> None:
    """Measure the codecs named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("codecs", nargs="+", choices=("dct", "taef2"))
    torch.set_num_threads(1)
    sets = {"synthetic": synthetic_frames(), "real": real_frames()}
    for name in parser.parse_args().codecs:
        folder = Path(codecs.__file__).parent
        write_json(folder / f"{name}_scaling.json", measure(build_codec(name), sets))


if __name__ == "__main__":
    main()
