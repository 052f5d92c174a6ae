"""Measure the limits ``quality.min_sharpness`` and ``quality.min_luma`` on blurred and darkened real clips.

    python experiments/preparation/thresholds.py [--out experiments/preparation/thresholds.json]

Every clip of grid-sample is measured undamaged and damaged. In addition to the numbers that the rules use, the script
measures the effect of the damage: the share of frames with a detected face, and the correlation of the mouth's opening
with that of the undamaged clip. Blur is Gaussian with a sigma relative to the face's height, so that it removes the
same detail of every face. Darkness is a factor on all gray levels.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy import ndarray

from data_prep.datasets.grid_sample import grid_sample
from data_prep.extraction.crop import Crop, apply_crop
from data_prep.extraction.crop_methods import face_boxes, stable_crop
from data_prep.filters.picture_quality import PictureQuality
from lt_bench.files import write_json
from lt_bench.media.video import read_frames
from lt_bench.perception.faces import FaceLandmarker, FaceTrack
from lt_bench.perception.mouth_measures import mouth_opening

EVERY = 2
"""Every second of the 75 frames of a clip is measured."""
RESOLUTION = 128
BLURS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)
GAINS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05)


def blurred(frames: ndarray, share: float, face: float) -> ndarray:
    """Apply a Gaussian blur with a sigma relative to the face's height."""
    return frames if share == 0 else np.stack([cv2.GaussianBlur(frame, (0, 0), share * face) for frame in frames])


def darkened(frames: ndarray, gain: float, face: float) -> ndarray:
    """Multiply all gray levels by a factor, rounded as a camera would."""
    return np.rint(frames * gain).astype(np.uint8)


def numbers(frames: ndarray, crop: Crop) -> tuple[float, float]:
    """Return sharpness and luma of the prepared frames."""
    picture = PictureQuality()
    picture.add(apply_crop(frame, crop, RESOLUTION) for frame in frames)
    return picture.sharpness, picture.luma


def agreement(track: FaceTrack, clean: FaceTrack) -> float:
    """Correlate the mouth's opening with the undamaged clip's, over frames that both have."""
    both = track.found & clean.found
    a, b = (mouth_opening(one)[both].astype(np.float64) for one in (track, clean))
    return float(np.corrcoef(a, b)[0, 1]) if both.sum() > 5 and a.std() > 0 and b.std() > 0 else 0.0


def look(path: Path, landmarker: FaceLandmarker, damage: Callable[..., ndarray], levels: tuple[float, ...]) -> Any:
    """Measure all numbers of one clip, by level."""
    frames = read_frames(path)[::EVERY]
    clean = landmarker.track(frames)
    crop = stable_crop(clean.landmarks)
    boxes = face_boxes(clean.landmarks)
    face = float(np.median(boxes[:, 3] - boxes[:, 1]))
    rows = []
    for level in levels:
        shown = damage(frames, level, face)
        track = landmarker.track(shown)
        sharpness, luma = numbers(shown, crop)
        rows.append(
            {
                "found": float(track.found.mean()),
                "mouth": agreement(track, clean),
                "sharpness": sharpness,
                "luma": luma,
            }
        )
    return rows


def spread(values: list[float], digits: int = 1) -> list[float]:
    """Return the smallest, median and largest value over the clips."""
    return [round(v, digits) for v in (min(values), statistics.median(values), max(values))]


def table(name: str, levels: tuple[float, ...], clips: list[Any]) -> list[dict[str, Any]]:
    """Return the smallest, median and largest value of every number, by level."""
    rows = []
    for index, level in enumerate(levels):
        at = [clip[index] for clip in clips]
        rows.append(
            {
                name: level,
                "sharpness": spread([row["sharpness"] for row in at]),
                "luma": spread([row["luma"] for row in at]),
                "frames_with_face": spread([row["found"] for row in at], 3),
                "mouth_correlation": spread([row["mouth"] for row in at], 3),
            }
        )
    return rows


def main() -> None:
    """Measure all clips, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Sharpness and brightness of real clips damaged by known amounts.")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    paths = [job.path for job in grid_sample().jobs]
    document: dict[str, Any] = {
        "clips": len(paths),
        "resolution": RESOLUTION,
        "numbers": "least, median and largest over the clips",
        "mouth_correlation": "of the mouth's opening with the undamaged clip's",
    }
    with FaceLandmarker() as landmarker:
        for name, damage, levels in (("blur_sigma_over_face_height", blurred, BLURS), ("gain", darkened, GAINS)):
            rows = table(name, levels, [look(path, landmarker, damage, levels) for path in paths])
            document["blur" if damage is blurred else "dark"] = rows
            for row in rows:
                print(row, file=sys.stdout, flush=True)
    if arguments.out:
        write_json(arguments.out, document)


if __name__ == "__main__":
    main()
