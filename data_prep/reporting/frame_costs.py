"""What a frame costs on this machine: every stage is run on a few frames, by one process with one thread.

CPU time is taken, so that whatever else the machine is at does not count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from data_prep.datasets.jobs import SyntheticJob, VideoJob
from data_prep.encoding.clip_export import CRF
from data_prep.encoding.frame_encoder import FrameTaker
from data_prep.engines.threads import one_thread
from data_prep.extraction.crop import Crop, apply_crop
from data_prep.extraction.face_tracks import follow, speaker
from data_prep.extraction.footage import HELD_BYTES, Footage, job_span
from data_prep.extraction.raw_clip import Material, rendered_material
from data_prep.extraction.voice_activity import VoiceDetector
from data_prep.filters.lip_sync import Seen, build_meter
from data_prep.synthetic.dataset import synthetic_clips
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.conventions import FPS
from lt_bench.errors import MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import iter_frames, write_video
from lt_bench.models.codecs.base import build_codec
from lt_bench.perception.faces import FaceLandmarker
from lt_bench.perception.speech.base import SAMPLES_PER_FRAME, build_speech_encoder

FRAMES = 75
MADE_LINES = 720
"""Of the rendered sample, where no video is here yet."""


@dataclass(frozen=True)
class Costs:
    """CPU seconds a frame of each stage, and how they were measured."""

    sample: str
    """What they were measured on."""
    frames: int
    seconds: dict[str, float]
    """By what is done: decode, faces, audio, encode; export only for held-out splits; render for synthetic clips."""
    export_bytes: float
    """Of a frame of the exported video."""

    decoded_bytes: int
    """Of a decoded frame; 0 for rendered ones."""

    def clip(self, frames: int, exported: bool) -> float:
        """Seconds for a clip: what does not fit in memory is decoded twice."""
        frame = sum(cost for name, cost in self.seconds.items() if exported or name != "export")
        again = self.seconds.get("decode", 0.0) if frames * self.decoded_bytes > HELD_BYTES else 0.0
        return frames * (frame + again)


def measure_costs(config: DataConfig, jobs: list[VideoJob]) -> Costs:
    """CPU time of every stage on 75 frames: of the first job that can be read, or of a rendered face on 720 lines.

    Raises:
        AssetError: weights are missing.
    """
    with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder, one_thread():
        if config.dataset == "synthetic":
            return _rendered(config, Path(folder))
        for job in jobs[:3]:
            try:
                part = replace(job, stop=job.start + FRAMES / FPS)
                return _filmed(config, part, job.source, Path(folder))
            except MediaError:
                continue  # it will be listed as rejected; another one serves as well
        made = _make(Path(folder))
        return _filmed(config, made, f"a rendered face on {MADE_LINES} lines", Path(folder))


def _rendered(config: DataConfig, folder: Path) -> Costs:
    spec = synthetic_clips(config.synthetic, config.resolution)[0]
    seconds: dict[str, float] = {}
    with _timed(seconds, "render"):
        material = rendered_material(SyntheticJob(spec), config.resolution)
    size = _encode(config, material, seconds, folder)
    return _costs("a rendered clip", material.count, seconds, size, 0)


def _filmed(config: DataConfig, job: VideoJob, sample: str, folder: Path) -> Costs:
    seconds: dict[str, float] = {}
    with _timed(seconds, "decode"):
        frames = list(iter_frames(job.path, span=job_span(job)))
        audio = read_audio(job.path, span=job_span(job))
    if not frames:
        raise MediaError(f"{job.path}: expected frames, got none")
    landmarker = FaceLandmarker(3)
    landmarker.detect(frames[0])  # the first use builds the network
    with _timed(seconds, "faces"):
        footage = Footage(job, len(frames), landmarker, config.quality.scene_threshold)
        track = speaker(follow(footage.faces))
    seconds["faces"] = max(seconds["faces"] - seconds["decode"], 0.0)
    landmarker.close()
    face = track.as_face_track([len(found) for found in footage.faces]) if track else None
    sound = np.pad(audio, (0, len(frames) * SAMPLES_PER_FRAME))[: len(frames) * SAMPLES_PER_FRAME]
    voice = VoiceDetector()
    sync = None if config.quality.max_offset is None else build_meter(config.quality.offset_by)
    with _timed(seconds, "audio"):
        voice.speech(sound)
        if sync is not None and face is not None:
            sync.measure(Seen("plan", sound, face, lambda most: np.stack(frames[:most])))
    side = min(frames[0].shape[:2])
    material = Material(
        id="plan",
        frames=lambda: (apply_crop(frame, Crop(0, 0, side), config.resolution) for frame in frames),
        count=len(frames),
        audio=sound,
        portrait=0,
        landmarks=np.zeros((len(frames), 1, 2), np.float32),
        mouth_box=np.zeros((len(frames), 4), np.float32),
        counts=np.ones(len(frames), np.int64),
        source_pixels=side,
    )
    size = _encode(config, material, seconds, folder)
    return _costs(sample, len(frames), seconds, size, frames[0].nbytes)


def _encode(config: DataConfig, material: Material, seconds: dict[str, float], folder: Path) -> int:
    """Time encoding and export; the bytes of the exported video."""
    taker = FrameTaker(build_codec(config.codec), material, torch.device("cpu"))  # of which CPU time tells
    speech = build_speech_encoder(config.speech_encoder)
    frames: list[np.ndarray] = []
    with _timed(seconds, "encode"):
        frames.extend(taker.taken(material.frames()))
        speech.encode(material.audio, material.count)
    with _timed(seconds, "export"):
        write_video(folder / "plan.mp4", frames, audio=material.audio, crf=CRF)
    return (folder / "plan.mp4").stat().st_size


def _costs(sample: str, count: int, seconds: dict[str, float], size: int, decoded: int) -> Costs:
    return Costs(sample, count, {name: value / count for name, value in seconds.items()}, size / count, decoded)


def _make(folder: Path) -> VideoJob:
    setting = SyntheticConfig(train_speakers=1, validation_speakers=0, test_speakers=0, takes=1, train_frames=FRAMES)
    clip = rendered_material(SyntheticJob(synthetic_clips(setting, 256)[0]), 256)
    width = MADE_LINES * 16 // 9
    path = folder / "made.mp4"

    def picture(frame: np.ndarray) -> np.ndarray:
        whole = np.full((MADE_LINES, width, 3), 90, np.uint8)
        whole[:, :MADE_LINES] = cv2.resize(frame, (MADE_LINES, MADE_LINES), interpolation=cv2.INTER_CUBIC)
        return whole

    write_video(path, (picture(frame) for frame in clip.frames()), audio=clip.audio, preset="veryfast", crf=23)
    return VideoJob("made", "made", "train", "clip", path, "made.mp4")


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.process_time()
    yield
    seconds[name] = time.process_time() - started
