"""Compare preparation with the sum of its parts, and check that memory does not depend on a clip's length.

    python experiments/performance/preparation.py VIDEO [VIDEO ..] [--out experiments/performance/preparation.json]

The bound is the sum of decoding, landmarks and encoding, each measured alone in this run on the same videos, once a
frame. Encoding makes the cache's content of the clip's own cropped frames: latents, the exported video with its sound,
speech features. ``checks`` (scene cuts, voice activity, lip sync) are no part of the bound. Times are CPU seconds of
this process (all its threads), which other processes disturb less than wall time.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import report

from data_prep.datasets.jobs import VideoJob
from data_prep.describe import describe_cache
from data_prep.encoding.clip_export import CRF
from data_prep.encoding.clip_worker import ClipPreparer, Settings
from data_prep.encoding.frame_encoder import BATCH
from data_prep.engines.threads import one_thread
from data_prep.extraction.extractor import MAX_FACES
from data_prep.extraction.face_tracks import follow, speaker
from data_prep.extraction.scenes import SceneCutter
from data_prep.extraction.voice_activity import VoiceDetector
from data_prep.filters.lip_sync import Seen, build_meter
from data_prep.resolved import resolve_auto
from lt_bench.config import DataConfig
from lt_bench.media.audio import read_audio
from lt_bench.media.video import iter_frames, write_video
from lt_bench.models.codecs.base import build_codec, frames_to_tensor
from lt_bench.perception.faces import FaceLandmarker
from lt_bench.perception.speech.base import build_speech_encoder

ROUNDS, SIDE = 5, 128


def cpu(function: Callable[[], Any]) -> float:
    """Return the CPU seconds of a call."""
    started = time.process_time()
    function()
    return time.process_time() - started


class Parts:
    """Separate parts of preparation on one video, whose frames are in memory except for decoding."""

    def __init__(self, video: Path, cropped: Path, folder: Path) -> None:
        self.video, self.folder = video, folder
        with closing(iter_frames(video)) as frames:
            self.frames = list(frames)
        self.audio = read_audio(video)[: len(self.frames) * 640]
        self.audio = np.pad(self.audio, (0, len(self.frames) * 640 - len(self.audio)))
        with closing(iter_frames(cropped)) as frames:
            self.squares = list(frames)
        self.landmarker = FaceLandmarker(MAX_FACES)
        self.voice = VoiceDetector()
        self.codec, self.speech = build_codec("dct"), build_speech_encoder("log_mel")
        faces = [self.landmarker.detect(frame) for frame in self.frames]
        track = speaker(follow(faces), None).as_face_track([len(found) for found in faces])
        self.meter = build_meter(DataConfig().quality.offset_by)
        self.seen = Seen("alone", self.audio.astype(np.float32), track, lambda most: np.stack(self.frames[:most]))

    def decode(self) -> None:
        """Decode picture and sound of the video."""
        with closing(iter_frames(self.video)) as frames:
            for _ in frames:
                pass
        read_audio(self.video)

    def landmarks(self) -> None:
        """Find the landmarks in every frame once."""
        for frame in self.frames:
            self.landmarker.detect(frame)

    def encode(self) -> None:
        """Compute latents in batches and audio features, and export the video."""
        with torch.inference_mode():
            for start in range(0, len(self.squares), BATCH):
                self.codec.encode(frames_to_tensor(np.stack(self.squares[start : start + BATCH])))
        self.speech.encode(self.audio.astype(np.float32), len(self.frames))
        write_video(self.folder / "alone.mp4", iter(self.squares), audio=self.audio.astype(np.float32), crf=CRF)

    def checks(self) -> None:
        """Run the checks that decide whether a clip is kept, except landmarks: scene cuts, voice activity, lip sync."""
        cutter = SceneCutter(DataConfig().quality.scene_threshold)
        for frame in self.frames:
            cutter.add(frame)
        self.voice.speech(self.audio.astype(np.float32))
        self.meter.measure(self.seen)


def measure(video: Path, folder: Path) -> dict[str, Any]:
    """Medians of the parts and of the whole."""
    config = resolve_auto(
        DataConfig(dataset="folder", folder=str(video.parent), cache=str(folder / "cache"), resolution=SIDE)
    )
    info = describe_cache(config, "00")
    settings = Settings(
        folder / "cache", info, config.codec, config.speech_encoder, ("train",), config.crop, config.quality
    )
    job = VideoJob(video.stem, video.stem, "train", "clip", video, video.name)
    preparer = ClipPreparer(settings)
    done = preparer.prepare(job)  # warm: networks are built at first use
    if done.rejected:
        raise SystemExit(f"{video.name}: rejected: {done.rejected[0].reason}")
    (cropped,) = folder.glob("cache/real/train/*.mp4")
    parts = Parts(video, cropped, folder)
    steps = {
        "decode": parts.decode,
        "landmarks": parts.landmarks,
        "encode": parts.encode,
        "checks": parts.checks,
    }
    times: dict[str, list[float]] = {name: [] for name in (*steps, "prepare")}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            times[name].append(cpu(step))
        times["prepare"].append(cpu(lambda: preparer.prepare(job)))
    preparer.close()
    parts.landmarker.close()
    found = {name: statistics.median(values) for name, values in times.items()}
    bound = sum(found[name] for name in ("decode", "landmarks", "encode"))
    return {
        "video": video.name,
        "frames": len(parts.frames),
        "size": list(parts.frames[0].shape[1::-1]),
        "seconds": {name: round(value, 3) for name, value in found.items()},
        "bound_over_prepare": round(bound / found["prepare"], 3),
        "bound_and_checks_over_prepare": round((bound + found["checks"]) / found["prepare"], 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Measure all videos, print a table and write the result file."""
    parser = argparse.ArgumentParser(description="Speed of preparing a real clip against the sum of its parts.")
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = []
    for video in arguments.videos:
        with tempfile.TemporaryDirectory() as folder, one_thread():
            found.append(measure(video, Path(folder)))
    keys = ("decode", "landmarks", "encode", "checks", "prepare")
    rows = [("video", "frames", "size", *(f"{key}, s" for key in keys), "bound / prepare", "with checks", "peak MB")]
    for row in found:
        seconds = (f"{row['seconds'][key]:.2f}" for key in keys)
        size = "x".join(map(str, row["size"]))
        shares = (f"{row[key]:.0%}" for key in ("bound_over_prepare", "bound_and_checks_over_prepare"))
        rows.append((row["video"], str(row["frames"]), size, *seconds, *shares, str(row["peak_memory_mb"])))
    document = {"clock": "CPU seconds of the process, median", "rounds": ROUNDS, "codec": "dct", "videos": found}
    report(arguments.out, document, rows, "Preparing a real clip against the sum of its parts")


if __name__ == "__main__":
    main()
