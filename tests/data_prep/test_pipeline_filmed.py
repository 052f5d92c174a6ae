from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.pipeline import Preparation, prepare
from lt_bench.config import DataConfig
from lt_bench.data.cache import LatentCache
from lt_bench.data.real_set import read_real_set
from lt_bench.data.verify import verify_cache
from lt_bench.errors import CacheError
from lt_bench.media.audio import read_audio
from lt_bench.media.image import read_image
from lt_bench.media.video import read_frames, write_video
from lt_bench.perception.faces import FaceLandmarker


@pytest.fixture(scope="module")
def films(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good film of 40 frames, and every kind of bad one."""
    source = assets / "grid-sample" / "sbia1a.mpg"
    frames, sound = read_frames(source, max_frames=70)[20:60], read_audio(source)[20 * 640 : 60 * 640]
    folder = tmp_path_factory.mktemp("films")
    write_video(folder / "good" / "take.mp4", frames, audio=sound)
    write_video(folder / "mute.mp4", frames)
    write_video(folder / "silent.mp4", frames, audio=np.zeros(40 * 640, np.float32))
    write_video(folder / "short.mp4", frames[:10], audio=sound[: 10 * 640])
    write_video(folder / "noface.mp4", np.full_like(frames, 100), audio=sound)
    half = frames.copy()
    half[20:, 60:250, 110:250] = frames[20:, 60:250, 110:250].mean(axis=(1, 2), keepdims=True)
    write_video(folder / "halfface.mp4", half, audio=sound)
    (folder / "corrupt.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (folder / "empty.mp4").write_bytes(b"")
    whole = (folder / "good" / "take.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 3 // 5])  # its header is whole, and announces all of it
    return folder


@pytest.fixture(scope="module")
def done(films: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Preparation:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LT_BENCH_MIRROR", str(assets))
        path = tmp_path_factory.mktemp("caches") / "folder"
        config = DataConfig(dataset="folder", folder=str(films), cache=str(path), resolution=128)
        return prepare(config, workers=1)


def test_bad_films_are_listed_with_their_reason_and_the_good_one_goes_on(done: Preparation, films: Path):
    reasons = {clip.source: clip.reason for clip in done.rejected}
    assert reasons.keys() == {
        f"{name}.mp4" for name in ("mute", "silent", "short", "noface", "halfface", "corrupt", "empty", "cut")
    }
    for name, words in {
        "mute": "audio track",
        "silent": "silence",
        "short": "at least 25 frames",
        "noface": "expected a face, got none",
        "halfface": "got 50%",
        "corrupt": "expected a",
        "empty": "0 bytes",
        "cut": "cut",
    }.items():
        assert words in reasons[f"{name}.mp4"], reasons
        assert str(films) not in reasons[f"{name}.mp4"]
    assert {clip.id: clip.rule for clip in done.rejected}["cut"] == "unreadable"
    assert [r.id for r in done.cache.records()] == ["good_take"]
    assert verify_cache(done.cache.path).damage is None


def test_the_one_crop_holds_the_face_in_every_frame(done: Preparation):
    record = done.cache.records()[0]
    assert record.crop is not None
    x0, y0, x1, y1 = record.crop
    assert x1 - x0 == y1 - y0 == round(x1 - x0)
    window = done.cache.read_window(record, 0, record.frames)
    assert record.frames == 40
    assert window.landmarks.shape == (40, 478, 2)
    assert 0 < window.landmarks.min() < window.landmarks.max() < 1
    middle = window.landmarks.mean(dim=(0, 1))
    assert 0.42 < middle[0] < 0.58
    assert 0.45 < middle[1] < 0.68
    box = window.mouth_box
    assert (box[:, 0] < window.landmarks[:, 61, 0]).all()
    assert (box[:, 2] > window.landmarks[:, 291, 0]).all()
    assert (box[:, 3] > window.landmarks[:, 17, 1]).all()
    assert record.quality.face_share == 1
    assert 110 < record.quality.face_size < 150
    assert record.quality.loudness_db is not None


def test_landmarks_found_again_in_the_exported_video_are_those_of_the_cache(done: Preparation, mirror: Path):
    record = done.cache.records()[0]
    real = read_real_set(done.cache.real_folder(record.split))
    video = read_frames(real.folder / real.clips[0].video)
    assert video.shape == (40, 128, 128, 3)
    with FaceLandmarker() as landmarker:
        again = landmarker.track(video[[0, 20]]).landmarks[..., :2] / 128
    window = done.cache.read_window(record, 0, 40)
    assert np.abs(again - window.landmarks.numpy()[[0, 20]]).mean() < 0.006


def test_the_portrait_is_one_of_the_first_ten_frames(done: Preparation):
    record = done.cache.records()[0]
    real = read_real_set(done.cache.real_folder(record.split))
    picture = read_image(real.folder / real.clips[0].portrait).astype(float)
    video = read_frames(real.folder / real.clips[0].video)
    errors = np.mean((video - picture) ** 2, axis=(1, 2, 3))
    assert errors.argmin() < 10
    assert errors.min() < 12
    window = done.cache.read_window(record, 0, 40)
    distance = (window.latents - done.cache.read_portrait(record)).square().mean(dim=(1, 2, 3))
    assert int(distance.argmin()) == int(errors.argmin())
    assert float(distance.min()) == 0


def test_preparing_again_says_the_same(done: Preparation, films: Path, mirror: Path):
    config = DataConfig(dataset="folder", folder=str(films), cache=str(done.cache.path), resolution=128)
    again = prepare(config, workers=1)
    assert (again.prepared, again.rejected, again.cache.hash) == (0, done.rejected, done.cache.hash)


def test_a_folder_of_nothing_usable_is_an_error_that_gives_a_reason(films: Path, mirror: Path, tmp_path: Path):
    shutil.copytree(films, tmp_path / "bad", ignore=shutil.ignore_patterns("good", "noface*", "half*", "short*"))
    config = DataConfig(dataset="folder", folder=str(tmp_path / "bad"), cache=str(tmp_path / "cache"), resolution=128)
    with pytest.raises(CacheError, match="at least one usable clip, got none: corrupt"):
        prepare(config, workers=1)
    with pytest.raises(CacheError):
        LatentCache.open(tmp_path / "cache")


def test_head_pose_has_the_signs_of_the_synthetic_truth(mirror: Path):
    from data_prep.synthetic.dataset import render, synthetic_clips
    from data_prep.synthetic.performance import STATE
    from lt_bench.config import SyntheticConfig

    correlations = []
    with FaceLandmarker() as landmarker:
        for spec in synthetic_clips(SyntheticConfig(train_speakers=2, takes=1, train_frames=50, head_motion=1.0), 128)[
            :2
        ]:
            clip = render(spec, 128)
            pose = landmarker.track(clip.frames[::3]).pose
            truth = clip.truth[::3, [STATE.index(name) for name in ("yaw", "pitch", "roll")]]
            correlations.append([np.corrcoef(pose[:, i], truth[:, i])[0, 1] for i in range(3)])
    yaw, pitch, roll = np.mean(correlations, axis=0)
    assert yaw > 0.8
    assert pitch > 0.2  # a dropping jaw looks like a nod to MediaPipe
    assert roll > 0.9
