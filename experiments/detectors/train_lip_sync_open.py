"""Fit the maps behind ``lip_sync_open`` on the real clips of grid-sample, and measure what they are worth.

    LT_BENCH_MIRROR=... python experiments/detectors/train_lip_sync_open.py

Writes ``lt_bench/evaluation/weights/lip_sync_open.safetensors`` (a map fitted on all clips, and for each speaker one
fitted without that speaker) and ``experiments/detectors/lip_sync_open.json``. Every correlation there is held out: the
mouth of one speaker against the voice of another is judged by a map that was fitted without either. Only the importance
of the twelve measures comes from all clips. Takes about two minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from safetensors.numpy import save_file

from data_prep.datasets.grid_sample import SPEAKERS
from data_prep.extraction.crop import apply_crop
from data_prep.extraction.crop_methods import stable_crop
from lt_bench.assets.store import asset_path
from lt_bench.evaluation.metrics.lip_sync.lip_sync_model import (
    EVERYONE,
    FORMAT,
    TRIM,
    WEIGHTS,
    SyncCurve,
    speech_windows,
    standardise,
    sync_curve,
)
from lt_bench.files import atomic_path, write_json
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import FaceLandmarker
from lt_bench.perception.mouth import MOUTH_MEASURES, mouth_measures
from lt_bench.perception.speech.base import SAMPLES_PER_FRAME
from lt_bench.perception.speech.moonshine import MoonshineEncoder

ALPHA = 0.1
"""Ridge penalty beside the mean squared error over frames."""
SIDES = (64, 128)
SHIFTS = (-8, -4, 4, 8)
INNER = slice(TRIM, -TRIM)
REPORT = Path(__file__).with_name("lip_sync_open.json")


@dataclass(frozen=True)
class Clip:
    """What one real clip gives."""

    id: str
    speaker: str
    sound: Float[ndarray, " samples"]
    mouth: Float[ndarray, "F 12"]
    """Standardised, trimmed; from the frames as they are."""
    small: dict[int, Float[ndarray, "F 12"]]
    """The same from face crops of so many pixels."""
    inputs: Float[ndarray, "F inputs"]
    """Speech windows, trimmed."""


def read_clips() -> tuple[list[Clip], dict[str, str]]:
    """All clips, and the hashes of the networks that read them."""
    encoder = MoonshineEncoder()
    with FaceLandmarker() as landmarker:
        clips = [_read(name, speaker, landmarker, encoder) for name, speaker in sorted(SPEAKERS.items())]
        return clips, {"speech": encoder.hash, "faces": landmarker.hash}


def _read(name: str, speaker: str, landmarker: FaceLandmarker, encoder: MoonshineEncoder) -> Clip:
    path = asset_path(f"{name}.mpg")
    frames, sound = read_frames(path), read_audio(path)
    track = landmarker.track(frames)
    crop = stable_crop(track.landmarks)
    small = {
        side: standardise(mouth_measures(landmarker.track(apply_crop(f, crop, side) for f in frames))[INNER])
        for side in SIDES
    }
    inputs = speech_windows(encoder.encode(sound, len(frames))[:, 0])[INNER]
    print(f"{name}: {len(frames)} frames", flush=True)
    return Clip(name, speaker, sound, standardise(mouth_measures(track)[INNER]), small, inputs)


class Fits:
    """Maps fitted without some speakers, each computed once."""

    def __init__(self, clips: list[Clip]) -> None:
        self.clips = clips

    @cache  # noqa: B019
    def without(self, *speakers: str) -> Float[ndarray, "inputs 12"]:
        """Ridge regression in its dual form: there are more inputs than frames."""
        used = [clip for clip in self.clips if clip.speaker not in speakers]
        inputs, mouth = np.concatenate([c.inputs for c in used]), np.concatenate([c.mouth for c in used])
        gram = inputs @ inputs.T + ALPHA * len(inputs) * np.eye(len(inputs))
        return inputs.T @ np.linalg.solve(gram, mouth)


def importance_of(clips: list[Clip], fits: Fits) -> Float[ndarray, " 12"]:
    """Squared held-out correlation of each measure, 0 where it is negative; sum 1."""
    each = []
    for clip in clips:
        expected = clip.inputs @ fits.without(clip.speaker)
        each.append([np.corrcoef(expected[:, i], clip.mouth[:, i])[0, 1] for i in range(len(MOUTH_MEASURES))])
    squared = np.clip(np.mean(each, axis=0), 0, None) ** 2
    return squared / squared.sum()


def auc(matched: Iterable[float], mismatched: Iterable[float]) -> float:
    """Chance that a matched pair is above a mismatched one; ties count half."""
    a, b = np.array(list(matched))[:, None], np.array(list(mismatched))[None]
    return float((a > b).mean() + (a == b).mean() / 2)


def measure(clips: list[Clip], fits: Fits, importance: Float[ndarray, " 12"]) -> dict[str, Any]:
    """The figures of the report."""

    def curve(mouth: Float[ndarray, "F 12"], inputs: Float[ndarray, "F inputs"], *without: str) -> SyncCurve:
        return sync_curve(inputs @ fits.without(*sorted(set(without))), mouth, importance)

    own = {c.id: curve(c.mouth, c.inputs, c.speaker) for c in clips}
    other = [curve(m.mouth, v.inputs, m.speaker, v.speaker) for m in clips for v in clips if m.speaker != v.speaker]
    encoder, shifted = MoonshineEncoder(), {}
    for shift in SHIFTS:
        offsets = []
        for clip in clips:
            frames = len(clip.mouth) + 2 * TRIM
            late = encoder.encode(move_sound(clip.sound, shift, frames), frames)[:, 0]
            offsets.append(curve(clip.mouth, speech_windows(late)[INNER], clip.speaker).offset)
        shifted[f"sound {shift:+d} frames"] = offsets
    small = {f"{side} px": [curve(c.small[side], c.inputs, c.speaker) for c in clips] for side in SIDES}
    return {
        "clips": {name: {"score": round(c.score, 3), "offset": c.offset} for name, c in own.items()},
        "score_matched": round(float(np.mean([c.score for c in own.values()])), 3),
        "score_mismatched": round(float(np.mean([c.score for c in other])), 3),
        "auc_score": round(auc((c.score for c in own.values()), (c.score for c in other)), 3),
        "auc_confidence": round(auc((c.confidence for c in own.values()), (c.confidence for c in other)), 3),
        "offsets_of_shifted_sound": shifted,
        "crops": {k: {"score": round(float(np.mean([c.score for c in v])), 3), "offsets": [c.offset for c in v]}
                  for k, v in small.items()},
        "importance": dict(zip(MOUTH_MEASURES, importance.round(3).tolist(), strict=True)),
    }  # fmt: skip


def move_sound(sound: Float[ndarray, " samples"], frames: int, length: int) -> Float[ndarray, " samples"]:
    """Sound that comes so many frames later (earlier if negative), with silence where there is none."""
    samples = frames * SAMPLES_PER_FRAME
    moved = np.pad(sound, (samples, 0)) if samples > 0 else sound[-samples:]
    wanted = length * SAMPLES_PER_FRAME
    return np.pad(moved[:wanted], (0, max(0, wanted - len(moved))))


def save(clips: list[Clip], fits: Fits, importance: Float[ndarray, " 12"], hashes: dict[str, str]) -> None:
    """Write the maps in half precision."""
    speakers = sorted({clip.speaker for clip in clips})
    maps = [fits.without(), *(fits.without(speaker) for speaker in speakers)]
    names = [EVERYONE, *(",".join(c.id for c in clips if c.speaker == speaker) for speaker in speakers)]
    tensors = {"maps": np.stack(maps).astype(np.float16), "importance": importance.astype(np.float32)}
    notes = {"format": FORMAT, "names": json.dumps(names), "fitted_with": json.dumps(hashes)}
    with atomic_path(WEIGHTS) as temporary:
        save_file(tensors, temporary, notes)


def main() -> None:
    """Fit, measure, save."""
    clips, hashes = read_clips()
    fits = Fits(clips)
    importance = importance_of(clips, fits)
    report = measure(clips, fits, importance)
    save(clips, fits, importance, hashes)
    write_json(REPORT, {"alpha": ALPHA, "fitted_with": hashes, **report})
    print(json.dumps({k: v for k, v in report.items() if k != "clips"}, indent=1))


if __name__ == "__main__":
    main()
