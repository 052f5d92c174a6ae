"""SyncNet (Chung and Zisserman 2016) for Sync-C and Sync-D, with the package syncnet-python.

This module resolves ambiguities of the package. The package takes the highest confidence and the lowest distance, which
can belong to different faces; here one track is chosen. Without a face the package returns 0.0 and 0.0, a perfect
distance; here that is an error. The package accepts files of any length, although zero padding makes the confidence
depend on the length; callers must pass videos of equal length.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray

from lt_bench.assets.pretrained import one_line
from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.errors import AssetError, FaceError, MediaError
from lt_bench.media.audio import write_wav
from lt_bench.perception.device import detector_device, exact_inference, is_device_failure
from lt_bench.shapes import Frames, Waveform

SYNCNET, S3FD = "syncnet_v2.model", "sfd_face.pth"
SIDE, WINDOW, SHIFT = 224, 5, 15
BATCH = 32
"""Windows per forward pass on a GPU, which limits memory."""
MIN_TRACK, MIN_FACE, DETECTION_SCALE, CROP_SCALE = 50, 100, 0.25, 0.4
"""Settings of the package: frames of a track, pixels of a face, scale for S3FD, padding around the face."""


@dataclass(frozen=True)
class SyncReading:
    """Result of SyncNet for one face."""

    confidence: float
    """Sync-C: the median of the mean distances over shifts, minus the smallest."""
    distance: float
    """Sync-D: the smallest mean distance over shifts."""
    offset: int
    """Frames by which the lips come late (positive) or early, with the package's sign."""
    frames: int
    """Number of frames in the track of the face."""


class SyncNet:
    """SyncNet and its face detector, loaded once.

    Args:
        syncnet: weights of SyncNet.
        s3fd: weights of the face detector.

    Raises:
        AssetError: a file contains other weights.
    """

    def __init__(self, syncnet: Path, s3fd: Path) -> None:
        self._pipeline = _build(syncnet, s3fd)

    def read(self, frames: Frames, audio: Waveform) -> SyncReading:
        """Run the package's own pipeline on a video: S3FD, tracks, crops, SyncNet, with its lossy intermediate files.

        Of several tracks the longest is used, and of equally long ones that of the largest face.

        Args:
            frames: RGB at 25 fps.
            audio: mono at 16 kHz, starting with the first frame.

        Raises:
            FaceError: no face of at least 100 px is tracked for more than 50 frames.
            MediaError: ffmpeg failed.
        """
        with tempfile.TemporaryDirectory(prefix="lt_bench-") as folder, _quietly():
            video, sound = Path(folder) / "in.mkv", Path(folder) / "in.wav"
            write_lossless(video, frames)
            write_wav(sound, audio, SAMPLE_RATE)
            self._pipeline.tracks.clear()
            try:
                with exact_inference():
                    offsets, confidences, distances, *_ = self._pipeline.inference(
                        str(video), str(sound), cache_dir=f"{folder}/work"
                    )
            except RuntimeError as error:
                if is_device_failure(error):  # a failure of the device, after which the video is read again
                    raise
                raise MediaError(f"SyncNet: expected a video that it reads, got: {one_line(error)}") from None
        if not offsets:
            raise FaceError(
                f"SyncNet: expected a face of more than {MIN_FACE} px followed over more than {MIN_TRACK} of "
                f"{len(frames)} frames, got none"
            )
        chosen = max(range(len(offsets)), key=lambda i: _extent(self._pipeline.tracks[i]))
        length = len(self._pipeline.tracks[chosen]["frame"])
        return SyncReading(confidences[chosen], distances[chosen], offsets[chosen], length)

    def read_whole(self, frames: Frames, audio: Waveform) -> SyncReading:
        """Run SyncNet on complete frames resized to 224, without face detection, as Wav2Lip scores LRS clips.

        Args:
            frames: RGB at 25 fps.
            audio: mono at 16 kHz, starting with the first frame.

        Raises:
            MediaError: fewer than six frames of either.
        """
        pictures = np.stack([cv2.resize(frame, (SIDE, SIDE))[..., ::-1] for frame in frames])
        return syncnet_reading(self._pipeline.syncnet.__S__, pictures, audio)


def syncnet_reading(network: Any, pictures: UInt8[ndarray, "F 224 224 3"], audio: Waveform) -> SyncReading:
    """Compute the result of the package's ``SyncNetInstance.evaluate`` for pictures and sound, without files.

    Args:
        network: SyncNet of the package.
        pictures: BGR 0-255.
        audio: mono at 16 kHz in [-1, 1].

    Raises:
        MediaError: fewer than six frames of either.
    """
    from syncnet_python.SyncNetInstance import calc_pdist

    windows = min(len(pictures), len(audio) * FPS // SAMPLE_RATE) - WINDOW
    if windows < 1:
        raise MediaError(f"SyncNet: expected more than {WINDOW} frames with sound, got {windows + WINDOW}")
    lips, sounds = _features(network, pictures, mfcc(audio), windows)
    means = torch.stack(calc_pdist(lips, sounds, vshift=SHIFT), 1).mean(1)
    least, place = means.min(0)
    return SyncReading(float(means.median() - least), float(least), SHIFT - int(place), len(pictures))


def mfcc(audio: Waveform) -> Float[ndarray, "13 T"]:
    """Compute the cepstral coefficients of 16-bit samples at 100 Hz, as in SyncNet's training."""
    from python_speech_features import mfcc as coefficients

    samples = np.clip(np.round(np.asarray(audio, np.float64) * 32767), -32768, 32767).astype(np.int16)
    return np.asarray(coefficients(samples, SAMPLE_RATE)).T


@exact_inference()
def _features(network: Any, pictures: ndarray, cepstra: ndarray, windows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the features of every window, on the CPU; a clip is copied to a GPU and back once."""
    device = detector_device()
    network.to(device).eval()
    batch = 1 if device.type == "cpu" else BATCH  # larger batches round differently, and are not faster on a CPU
    frames = torch.from_numpy(np.ascontiguousarray(pictures[: windows + WINDOW - 1])).to(device)
    videos = frames.permute(3, 0, 1, 2).unfold(1, WINDOW, 1).permute(1, 0, 4, 2, 3)
    sound = np.ascontiguousarray(cepstra[:, : 4 * (windows - 1 + WINDOW)], np.float32)
    pieces = torch.from_numpy(sound).to(device).unfold(1, 4 * WINDOW, 4).permute(1, 0, 2)
    lips = [network.forward_lip(part.float().contiguous()) for part in videos.split(batch)]
    sounds = [network.forward_aud(part[:, None].contiguous()) for part in pieces.split(batch)]
    return torch.cat(lips).cpu(), torch.cat(sounds).cpu()


def write_lossless(path: Path, frames: Frames) -> None:
    """Write frames as FFV1, which preserves every pixel."""
    with av.open(str(path), "w", format="matroska") as container:
        stream: Any = container.add_stream("ffv1", rate=Fraction(FPS))
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "bgr0"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))


def _extent(track: dict[str, Any]) -> tuple[int, float]:
    boxes = np.asarray(track["bbox"])
    return len(track["frame"]), float(np.mean((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])))


def _build(syncnet: Path, s3fd: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies' deprecations
        from syncnet_python.syncnet_pipeline import SyncNetPipeline

    class Recording(SyncNetPipeline):
        """A pipeline that records the cropped tracks, in the order of the results."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.tracks: list[dict[str, Any]] = []
            super().__init__(*args, **kwargs)

        def _crop(self, track: dict[str, Any], *rest: Any) -> Any:
            self.tracks.append(track)
            return super()._crop(track, *rest)

    settings = {"s3fd_weights": str(s3fd), "syncnet_weights": str(syncnet)}
    try:
        return Recording(settings, device=str(detector_device()))
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise AssetError(f"SyncNet: expected its weights and S3FD's, got: {one_line(error)}") from None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Suppress the output of the package, and of its ffmpeg processes on stderr."""
    import os
    import sys

    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
