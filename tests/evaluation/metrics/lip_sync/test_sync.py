"""SyncNet's scores against syncnet-python's own pipeline on the same random weights, and the package's traps."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from scipy.io import wavfile

from lt_bench.errors import AssetError, ConfigError, FaceError
from lt_bench.evaluation.inputs.clip_context import ClipContext, UnscorableError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.lip_sync import syncnet_scores as sync
from lt_bench.media.audio import write_wav
from lt_bench.perception import syncnet
from lt_bench.perception.syncnet import SyncNet, SyncReading, mfcc, syncnet_reading, write_lossless

MakeClip = Callable[..., ClipContext]
FRAMES = 54  # tracks of 50 frames or fewer are dropped by the package


def speech(frames: int = FRAMES) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.3 * rng.normal(size=frames * 640) * np.abs(np.sin(np.arange(frames * 640) / 2000))).clip(-1, 1)


def video(frames: int = FRAMES, height: int = 160, width: int = 176) -> np.ndarray:
    """A blob that moves over soft noise, so that lossy codecs keep it."""
    rng = np.random.default_rng(1)
    ground = cv2.resize(rng.integers(60, 200, (9, 9, 3), dtype=np.uint8), (width, height))
    shown = np.repeat(ground[None], frames, axis=0)
    for index, frame in enumerate(shown):
        cv2.circle(frame, (80 + index % 9, 90), 12 + index % 7, (200, 40, 40), -1)
    return shown


@pytest.fixture(scope="module")
def network(syncnet_weights: tuple[Path, Path]) -> SyncNet:
    return SyncNet(*syncnet_weights)


def boxes(monkeypatch: pytest.MonkeyPatch, network: SyncNet, found: list[tuple[float, float, float, float]]) -> None:
    """Random weights find no faces, so the boxes are given."""
    rows = np.array([(*box, 0.99) for box in found]).reshape(-1, 5)
    monkeypatch.setattr(network._pipeline.s3fd, "detect_faces", lambda image, **_: rows)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="syncnet-python needs ffmpeg on PATH")
def test_sync_equals_the_packages_own_pipeline(
    network: SyncNet, syncnet_weights: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    from syncnet_python.syncnet_pipeline import SyncNetPipeline

    boxes(monkeypatch, network, [(20, 20, 150, 150)])
    reading = network.read(video(), speech())
    assert capfd.readouterr() == ("", "")  # neither the package nor ffmpeg is heard
    syncnet_file, s3fd_file = map(str, syncnet_weights)
    plain = SyncNetPipeline({"syncnet_weights": syncnet_file, "s3fd_weights": s3fd_file}, device="cpu")
    monkeypatch.setattr(plain.s3fd, "detect_faces", network._pipeline.s3fd.detect_faces)
    write_lossless(tmp_path / "in.mkv", video())
    write_wav(tmp_path / "in.wav", speech())
    with torch.no_grad(), syncnet._quietly():
        offsets, _, _, confidence, distance, *_ = plain.inference(str(tmp_path / "in.mkv"), str(tmp_path / "in.wav"))
    assert (reading.confidence, reading.distance) == pytest.approx((confidence, distance), rel=1e-6)
    assert ([reading.offset], reading.frames) == (offsets, FRAMES)
    assert reading.distance > 0


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="syncnet-python needs ffmpeg on PATH")
def test_no_face_is_a_reason_where_the_package_says_a_perfect_distance_of_0(
    network: SyncNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes(monkeypatch, network, [])
    with pytest.raises(FaceError, match="face of more than 100 px followed over more than 50 of 54 frames, got none"):
        network.read(video(), speech())


def test_of_two_faces_one_track_is_read_not_the_best_of_both(network: SyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    def inference(*_: object, **__: object) -> tuple:
        network._pipeline.tracks[:] = [
            {"frame": np.arange(51), "bbox": np.tile([0, 0, 150, 150], (51, 1))},
            {"frame": np.arange(54), "bbox": np.tile([0, 0, 110, 110], (54, 1))},
            {"frame": np.arange(54), "bbox": np.tile([0, 0, 120, 120], (54, 1))},
        ]
        return [1, 2, 3], [9.0, 5.0, 4.0], [3.0, 2.0, 8.0], 9.0, 2.0, "", True

    monkeypatch.setattr(network._pipeline, "inference", inference)
    assert network.read(video(), speech()) == SyncReading(4.0, 8.0, 3, 54)


def test_readings_without_files_equal_the_packages_evaluate(network: SyncNet, tmp_path: Path) -> None:
    pictures = np.stack([cv2.resize(frame, (224, 224)) for frame in video(20)])
    for index, picture in enumerate(pictures):  # PNG bytes under the name that the package looks for: no loss
        (tmp_path / f"{index:06d}.jpg").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    samples = np.round(speech(20) * 32767).astype(np.int16)
    wavfile.write(tmp_path / "audio.wav", 16000, samples)
    options = SimpleNamespace(tmp_dir=str(tmp_path), batch_size=20, vshift=15)
    with torch.no_grad(), syncnet._quietly():
        offset, confidence, distance = network._pipeline.syncnet.evaluate(options)
    ours = syncnet_reading(network._pipeline.syncnet.__S__, pictures, speech(20))
    assert (ours.confidence, ours.distance) == pytest.approx((confidence, distance), rel=1e-4, abs=1e-5)
    assert ours.offset == offset


@pytest.mark.parametrize("late", [-4, 0, 3])
def test_the_offset_is_positive_where_the_lips_come_late(late: int) -> None:
    """A network that reads loudness off the sound and brightness off the lips, frame by frame."""
    pattern = np.random.default_rng(2).uniform(-1, 1, 90)
    loud = np.repeat(10 ** (pattern[20:80] - 1.5), 640) * np.random.default_rng(3).normal(size=60 * 640)
    bright = (127 + 100 * pattern[20 - late : 80 - late]).astype(np.uint8)
    pictures = np.broadcast_to(bright[:, None, None, None], (60, 4, 4, 3))

    class Reader(torch.nn.Module):
        def forward_lip(self, x: torch.Tensor) -> torch.Tensor:
            return (x.mean((1, 3, 4)) - 127) / 100

        def forward_aud(self, x: torch.Tensor) -> torch.Tensor:
            return (x[:, 0, 0].reshape(len(x), 5, 4).mean(2) - LOUDNESS) / np.log(100)

    LOUDNESS = float(np.mean(mfcc(loud.clip(-1, 1))[0]))
    assert syncnet_reading(Reader(), pictures, loud.clip(-1, 1)).offset == late


def test_whole_frames_are_resized_and_blue_first(network: SyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    monkeypatch.setattr(syncnet, "syncnet_reading", lambda _, pictures, audio: seen.update(shown=pictures))
    network.read_whole(video(6), speech(6))
    np.testing.assert_array_equal(seen["shown"][0], cv2.resize(video(1)[0], (224, 224))[..., ::-1])


def test_cepstra_are_13_at_100_hz_of_16_bit_samples() -> None:
    from python_speech_features import mfcc as reference

    samples = np.round(speech(10) * 32767).astype(np.int16)
    np.testing.assert_allclose(mfcc(samples / 32767), reference(samples, 16000).T)
    assert mfcc(samples / 32767).shape == (13, 39)


def test_the_intermediate_file_keeps_every_pixel(tmp_path: Path) -> None:
    from lt_bench.media.video import read_frames

    frames = np.random.default_rng(0).integers(0, 256, (3, 31, 46, 3), dtype=np.uint8)
    write_lossless(tmp_path / "x.mkv", frames)
    np.testing.assert_array_equal(read_frames(tmp_path / "x.mkv"), frames)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "x")
    with pytest.raises(AssetError, match="SyncNet: expected its weights and S3FD's"):
        SyncNet(tmp_path / "x", tmp_path / "x")


class Stub:
    """Stands for the networks and keeps what it was shown."""

    def __init__(self, followed: int | None = None) -> None:
        self.shown: list[tuple[int, int]] = []
        self.followed = followed

    def read(self, frames: np.ndarray, audio: np.ndarray) -> SyncReading:
        self.shown.append((len(frames), len(audio)))
        return SyncReading(float(len(frames)), 7.0, -2, self.followed or len(frames))

    read_whole = read


@pytest.fixture
def context(clip_of: MakeClip) -> MakeClip:
    def make(frames: int, first: int = 0) -> ClipContext:
        shown = video(frames, 8, 8)
        return clip_of(shown, shown, first, f"a{frames}", audio=speech(frames).astype(np.float32))

    return make


def test_every_video_is_cut_to_one_length_for_padding_moves_the_confidence(
    context: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = Stub()
    monkeypatch.setattr(sync, "_pinned", lambda: stub)
    for frames in (60, 90):
        clip = context(frames, first=4)
        assert build_metric("sync_c", {"frames": 50}).score(clip) == 50
        assert build_metric("sync_d", {"frames": 50}).score(clip) == 7
        assert build_metric("sync_offset", {"frames": 50}).score(clip) == -2
    assert stub.shown == [(50, 50 * 640)] * 2  # once a video, not once a score
    assert build_metric("sync_c", {"frames": 0, "crop": "whole"}).score(context(90)) == 90
    with pytest.raises(UnscorableError, match="expected 75 scored frames for SyncNet, got 60"):
        build_metric("sync_c").score(context(60))


def test_a_face_lost_on_the_way_is_a_reason(context: MakeClip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "_pinned", lambda: Stub(followed=55))
    with pytest.raises(UnscorableError, match="expected one face followed over 80% of 75 frames, got 55"):
        build_metric("sync_c").score(context(80))


@pytest.mark.parametrize("crop", ["face", "whole"])
def test_sound_that_ends_early_or_is_silent_is_a_reason(
    clip_of: MakeClip, monkeypatch: pytest.MonkeyPatch, crop: str
) -> None:
    monkeypatch.setattr(sync, "_pinned", Stub)
    shown, sound, score = video(90, 8, 8), speech(90), build_metric("sync_c", {"crop": crop})
    with pytest.raises(UnscorableError, match=r"expected a voice for all of 3\.00 s, got sound of 1\.20 s"):
        score.score(clip_of(shown, shown, 4, "short", audio=sound[: (4 + 30) * 640]))
    late = np.concatenate([sound[: 4 * 640], np.zeros(86 * 640)])  # heard only before the scored frames
    with pytest.raises(UnscorableError, match="expected a voice, got a silent track"):
        score.score(clip_of(shown, shown, 4, "silent", audio=late))


def test_full_names_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    detail = build_metric("sync_c").detail
    assert "S3FD at scale 0.25, longest track" in detail
    assert "first 75 scored frames at 25 fps" in detail
    assert "whole frames resized to 224 px" in build_metric("sync_d", {"crop": "whole"}).detail
    assert build_metric("sync_c").detector != build_metric("sync_c", {"crop": "whole"}).detector
    assert "syncnet_v2.model and sfd_face.pth are absent" in (build_metric("sync_c").unavailable() or "")
    with pytest.raises(ConfigError, match="more than 30"):
        build_metric("sync_c", {"frames": 30})
    monkeypatch.setattr("lt_bench.assets.store.has_asset", lambda name: True)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert build_metric("sync_c").unavailable() == "ffmpeg: expected on PATH, which syncnet-python runs, got none"
    assert build_metric("sync_c", {"crop": "whole"}).unavailable() is None
