"""Which measure tells a clip's offset, and SyncNet as one, on random weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from data_prep.describe import PERSON_ASSET, describe_cache, require_assets
from data_prep.filters import lip_sync as sync
from data_prep.filters import lip_sync_syncnet as sync_net
from data_prep.filters.lip_sync import LipSync, Seen
from data_prep.filters.lip_sync_syncnet import SyncNetMeter
from data_prep.pipeline import open_complete, prepare
from data_prep.resolved import resolve_auto
from data_prep.rules import RejectionError
from lt_bench.config import DataConfig, QualityConfig
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import AssetError, FaceError, MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video
from lt_bench.perception.faces import FaceTrack
from lt_bench.perception.syncnet import SyncReading


def clip(frames: int) -> Seen:
    rng = np.random.default_rng(0)
    ground = cv2.resize(rng.integers(60, 200, (9, 9, 3), dtype=np.uint8), (176, 160))
    shown = np.stack([cv2.circle(ground.copy(), (80 + k % 9, 90), 12, (200, 40, 40), -1) for k in range(frames)])
    audio = (0.1 * rng.normal(size=frames * 640)).clip(-1, 1).astype(np.float32)
    return Seen("x", audio, FaceTrack.of([None] * frames, [0] * frames), lambda most: shown[:most])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="syncnet-python needs ffmpeg on PATH")
def test_syncnet_is_read_as_the_score_reads_it(syncnet_weights: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    meter = SyncNetMeter(*syncnet_weights)
    faces = np.array([[20, 20, 150, 150, 0.99]])  # random weights find none
    monkeypatch.setattr(meter._network._pipeline.s3fd, "detect_faces", lambda image, **_: faces)
    readings, read = [], meter._network.read
    monkeypatch.setattr(meter._network, "read", lambda *given: readings.append(read(*given)) or readings[-1])
    found = meter.measure(clip(52))
    assert readings[0].frames == 52
    assert found == LipSync(readings[0].offset, readings[0].confidence)


class Stub:
    """Stands for SyncNet's networks."""

    def __init__(self, answer: SyncReading | Exception) -> None:
        self.answer, self.shown = answer, []

    def read(self, frames: np.ndarray, audio: np.ndarray) -> SyncReading:
        self.shown.append((len(frames), len(audio)))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def meter_of(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> SyncNetMeter:
    monkeypatch.setattr(sync_net, "SyncNet", lambda *_: stub)
    return SyncNetMeter(Path("a"), Path("b"))


def test_only_the_beginning_is_looked_at_and_a_face_that_is_lost_is_not_measured(monkeypatch: pytest.MonkeyPatch):
    stub = Stub(SyncReading(4.0, 8.0, -2, 75))
    meter = meter_of(stub, monkeypatch)
    assert meter.measure(clip(90)) == LipSync(-2, 4.0)
    assert stub.shown == [(75, 75 * 640)]
    assert meter.measure(clip(50)) is None
    assert len(stub.shown) == 1
    assert meter_of(Stub(SyncReading(4.0, 8.0, -2, 55)), monkeypatch).measure(clip(90)) is None
    assert meter_of(Stub(FaceError("none")), monkeypatch).measure(clip(90)) is None
    with pytest.raises(RejectionError, match="no ffmpeg"):
        meter_of(Stub(MediaError("no ffmpeg")), monkeypatch).measure(clip(90))


@pytest.fixture
def networks_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Names of assets that are said to be here."""
    here = {"face_landmarker.task", PERSON_ASSET}

    def path(name: str) -> Path:
        if name not in here:
            raise AssetError(f"{name} is absent")
        return Path(name)

    monkeypatch.setattr("data_prep.resolved.has_asset", here.__contains__)
    monkeypatch.setattr(sync, "asset_path", path)
    monkeypatch.setattr("data_prep.describe.asset_path", path)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    return here


def test_syncnet_where_it_is_here_and_as_the_cache_was_begun(networks_here: set[str], tmp_path: Path):
    config = DataConfig(dataset="folder", cache=str(tmp_path / "cache"), resolution=64)
    assert resolve_auto(config).quality.offset_by == "lip_sync_open"
    with CacheWriter(tmp_path / "cache", describe_cache(resolve_auto(config), "00")) as writer:
        assert writer.info.settings["quality"]["offset_by"] == "lip_sync_open"
    networks_here |= {"syncnet_v2.model", "sfd_face.pth"}
    assert resolve_auto(config).quality.offset_by == "lip_sync_open"
    assert resolve_auto(replace(config, cache=str(tmp_path / "new"))).quality.offset_by == "syncnet"
    off = replace(config, quality=QualityConfig(max_offset=None))
    assert resolve_auto(off) == off


def test_what_a_measure_lacks_is_named_with_what_to_do(networks_here: set[str], monkeypatch: pytest.MonkeyPatch):
    config = DataConfig(dataset="folder", cache="nowhere", quality=QualityConfig(offset_by="syncnet"))
    with pytest.raises(AssetError, match=r"syncnet_v2\.model is absent; or do without.*quality\.max_offset=null"):
        require_assets(resolve_auto(config))
    networks_here |= {"syncnet_v2.model", "sfd_face.pth"}
    require_assets(resolve_auto(config))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AssetError, match="ffmpeg: expected on PATH"):
        require_assets(resolve_auto(config))
    with pytest.raises(AssetError, match=r"moonshine_tiny_en_encoder\.ort is absent"):
        require_assets(resolve_auto(replace(config, quality=QualityConfig())))
    networks_here.remove(PERSON_ASSET)
    with pytest.raises(AssetError, match=r"dlib_face.* is absent; or do without.*quality\.max_person_distance=null"):
        require_assets(resolve_auto(config))


def test_a_clip_out_of_time_by_syncnet_is_rejected_and_the_cache_opens_without_it(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = mirror / "grid-sample" / "bbaf2n.mpg"
    frames, sound = read_frames(source, max_frames=56), read_audio(source)[: 56 * 640]
    write_video(tmp_path / "films" / "a.mp4", frames, audio=sound)
    write_video(tmp_path / "films" / "b.mp4", frames[:45], audio=sound[: 45 * 640])
    stub: Any = Stub(SyncReading(1.5, 9.0, 7, 56))
    with monkeypatch.context() as patch:
        patch.setattr("data_prep.resolved.has_asset", lambda name: True)
        patch.setattr(sync, "asset_path", Path)
        patch.setattr(shutil, "which", lambda name: name)
        patch.setattr("data_prep.extraction.extractor.build_meter", lambda name: meter_of(stub, patch))
        patch.setattr("data_prep.extraction.footage.HELD_BYTES", 1_000_000)  # frames are sought, not held
        config = DataConfig(dataset="folder", folder=str(tmp_path / "films"), cache=str(tmp_path / "c"), resolution=64)
        done = prepare(config, workers=1)
    assert [(clip.id, clip.rule, clip.value, clip.limit) for clip in done.rejected] == [("a", "offset", 7, 3)]
    assert done.rejected[0].reason == "expected lips within 3 frames of the voice, got +7 (syncnet)"
    assert [(record.id, record.quality.offset) for record in done.cache.records()] == [("b", None)]
    assert stub.shown == [(56, 56 * 640)]
    assert open_complete(config) is not None


def test_a_gpu_without_memory_rejects_no_clip(syncnet_weights: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    meter = SyncNetMeter(*syncnet_weights)

    def full(*given: Any, **named: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(meter._network._pipeline, "inference", full)
    with pytest.raises(torch.OutOfMemoryError):
        meter.measure(clip(52))
