"""Measure whether a long generated video jumps where its windows join, and whether its face drifts.

    python experiments/continuity/window_borders.py --model runs/quickstart/cells/direct-direct/seed0/model.safetensors

Generates one 20-second video of each of a few rendered test speakers, then compares the mean absolute difference of
successive frames at the borders of windows with that of all other frames, and the probe's embedding of each second with
that of the first. The result is written next to this file.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from data_prep.synthetic.clip import make_clip
from data_prep.synthetic.dataset import speaker_seed
from lt_bench.config import SamplingConfig
from lt_bench.evaluation.metrics.synthetic.probe import probe_frames
from lt_bench.files import write_json
from lt_bench.models.checkpoint import load_model
from lt_bench.models.codecs.base import tensor_to_frames
from lt_bench.perception.speech.base import build_speech_encoder
from lt_bench.sampling.frames import picture_to_latent
from lt_bench.sampling.generator import ClipRequest, Generator
from lt_bench.sampling.overlap import window_starts

HERE = Path(__file__).parent
SECONDS, FPS, SPEAKERS, TAKE = 20, 25, 4, 7


def frame_differences(frames: UInt8[ndarray, "F H W 3"]) -> Float[ndarray, " F-1"]:
    """Mean absolute difference of each frame to the one before, in grey levels."""
    return np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))


def border_figures(frames: UInt8[ndarray, "F H W 3"], starts: list[int]) -> dict[str, float]:
    """Differences where windows join (difference k is between frames k and k + 1), and everywhere else."""
    differences = frame_differences(frames)
    border = np.zeros(len(differences), bool)
    border[[start - 1 for start in starts[1:]]] = True
    return {
        "at_borders": float(differences[border].mean()),
        "elsewhere": float(differences[~border].mean()),
        "largest_at_borders": float(differences[border].max()),
        "largest_elsewhere": float(differences[~border].max()),
    }


def drift_figures(frames: UInt8[ndarray, "F H W 3"]) -> dict[str, float]:
    """Cosine of the mean probe embedding of the first second with that of the last, and the lowest of all seconds."""
    embeddings = probe_frames(frames).embedding
    seconds = np.stack([part.mean(0) for part in np.split(embeddings, len(embeddings) // FPS)])
    seconds /= np.linalg.norm(seconds, axis=1, keepdims=True)
    cosines = seconds @ seconds[0]
    return {"identity_last_second": float(cosines[-1]), "identity_lowest_second": float(cosines.min())}


def main() -> None:
    """Generate, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "window_borders.json")
    arguments = parser.parse_args()
    loaded = load_model(arguments.model)
    sampling: SamplingConfig = loaded.card.config.sampling
    speech, codec = build_speech_encoder(loaded.card.speech_encoder), loaded.build_codec()
    rows: list[dict[str, Any]] = []
    for index in range(SPEAKERS):
        clip = make_clip(speaker_seed("test", index), TAKE, SECONDS * FPS, loaded.card.resolution, 0.4)
        request = ClipRequest(
            f"speaker{index}",
            picture_to_latent(clip.portrait, codec, loaded.card.scaling),
            torch.from_numpy(speech.encode(clip.audio, SECONDS * FPS)).float(),
        )
        latents = Generator(loaded.model, loaded.card.config.diffusion, sampling).generate([request])[0]
        frames = tensor_to_frames(codec.decode(loaded.card.scaling.latents_to_raw(latents)))
        starts = window_starts(len(frames), loaded.model.config.frames, sampling.overlap)
        real = frame_differences(clip.frames)
        rows.append({**border_figures(frames, starts), **drift_figures(frames), "real_mean": float(real.mean())})
        print({key: round(value, 3) for key, value in rows[-1].items()}, flush=True)
    mean = {key: round(float(np.mean([row[key] for row in rows])), 4) for key in rows[0]}
    report = {"data": "synthetic", "seconds": SECONDS, "speakers": SPEAKERS, "sampling": dataclasses.asdict(sampling)}
    write_json(
        arguments.out, {**report, "system": loaded.card.config.model.fusion.__dict__, "mean": mean, "rows": rows}
    )
    print("mean", mean)


if __name__ == "__main__":
    main()
