"""Whole films that fall under a rule, and one of two scenes that becomes two clips."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from data_prep.pipeline import Preparation, prepare
from lt_bench.config import DataConfig
from lt_bench.data.verify import verify_cache
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video

BLUR = 4.0
"""Sigma in pixels: 3% of the face's height."""


@pytest.fixture(scope="module")
def done(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Preparation:
    folder = tmp_path_factory.mktemp("films")

    def clip(name: str, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        path = assets / "grid-sample" / f"{name}.mpg"
        return read_frames(path)[start:stop], read_audio(path)[start * 640 : stop * 640]

    (one, voice), (other, other_voice) = clip("sbia1a", 15, 45), clip("lbax4n", 20, 50)
    write_video(folder / "a_scenes.mp4", np.concatenate([one, other]), audio=np.concatenate([voice, other_voice]))
    write_video(folder / "b_copy.mp4", other, audio=other_voice, crf=23)
    write_video(folder / "c_dark.mp4", (one * 0.18).astype(np.uint8), audio=voice)
    write_video(folder / "d_two.mp4", np.concatenate([one, other], axis=2), audio=voice)
    whole, sound = clip("bbaf2n", 0, 67)
    write_video(folder / "e_late.mp4", whole[:59], audio=sound[8 * 640 :])
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), BLUR) for frame in one])
    write_video(folder / "f_blur.mp4", blurred, audio=voice)
    far = np.stack([cv2.resize(frame, (180, 144), interpolation=cv2.INTER_AREA) for frame in other])
    write_video(folder / "g_far.mp4", far, audio=other_voice)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LT_BENCH_MIRROR", str(assets))
        cache = tmp_path_factory.mktemp("caches") / "folder"
        return prepare(DataConfig(dataset="folder", folder=str(folder), cache=str(cache), resolution=64), workers=1)


def test_scenes_become_clips_and_every_other_film_falls_under_its_rule(done: Preparation):
    records = {record.id: record for record in done.cache.records()}
    assert sorted(records) == ["a_scenes.s0", "a_scenes.s1"]
    assert {record.frames for record in records.values()} == {30}
    assert len({record.identity for record in records.values()}) == 1
    rejected = {clip.id: clip for clip in done.rejected}
    rules = {name: clip.rule for name, clip in rejected.items()}
    assert rules == {
        "b_copy": "duplicate",
        "c_dark": "dark",
        "d_two": "two_faces",
        "e_late": "offset",
        "f_blur": "blur",
        "g_far": "small_face",
    }
    assert "a_scenes.s1" in rejected["b_copy"].reason
    assert rejected["e_late"].value == pytest.approx(8, abs=1)
    assert rejected["d_two"].value == 1
    for name in ("c_dark", "f_blur", "g_far"):
        value, limit = rejected[name].value, rejected[name].limit
        assert value is not None
        assert limit is not None
        assert 0 < value < 0.9 * limit
    assert done.prepared == 2


def test_nothing_is_left_of_a_rejected_clip_but_its_picture(done: Preparation):
    files = {str(path.relative_to(done.cache.path)) for path in done.cache.path.rglob("*") if path.is_file()}
    for name in ("b_copy", "c_dark", "d_two", "e_late", "f_blur", "g_far"):
        assert [file for file in files if name in file] == [f"thumbnails/{name}.jpg"]
    assert verify_cache(done.cache.path).damage is None
