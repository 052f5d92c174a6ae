from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.datasets.folder import folder_source
from data_prep.datasets.grid_sample import SPEAKERS, SPLIT_OF, grid_sample
from data_prep.datasets.ids import unique_ids
from data_prep.datasets.registry import list_source
from data_prep.extraction.portrait import portrait_frame
from data_prep.extraction.raw_clip import Material
from data_prep.filters.lip_sync import LipSync
from data_prep.filters.picture_quality import PictureQuality, clip_quality, loudness_db
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.data.format import ID_PATTERN
from lt_bench.errors import AssetError, ConfigError, FaceError, MediaError
from lt_bench.perception.faces import FaceTrack


def make_tree(root: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not looked at yet")
    return root


def test_grid_sample_is_ten_speakers_and_its_splits_are_disjoint(mirror: Path):
    source = grid_sample()
    assert len(source.jobs) == 11
    assert len({job.identity for job in source.jobs}) == 10
    assert SPEAKERS["pwij3p"] == SPEAKERS["id2_vcd_swwp2s"]
    homes = {job.identity: {j.split for j in source.jobs if j.identity == job.identity} for job in source.jobs}
    assert all(len(splits) == 1 for splits in homes.values())
    assert Counter(job.split for job in source.jobs) == {"train": 8, "validation": 1, "test": 2}
    assert set(SPLIT_OF) < set(SPEAKERS.values())
    assert all(job.path.is_file() and job.role == "clip" for job in source.jobs)


def test_grid_sample_without_its_videos_names_the_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)
    with pytest.raises(AssetError, match=r"bbaf2n\.mpg"):
        list_source(DataConfig(dataset="grid-sample"))


def test_a_folder_gives_identities_roles_and_sources(tmp_path: Path):
    names = ("ann/1.mp4", "ann/2.MOV", "bob/x y.mkv", "bob/deep/z.mp4", "solo.avi", ".hidden/h.mp4", "notes.txt")
    source = folder_source(str(make_tree(tmp_path, names)))
    jobs = {job.source: job for job in source.jobs}
    assert sorted(jobs) == ["ann/1.mp4", "ann/2.MOV", "bob/deep/z.mp4", "bob/x y.mkv", "solo.avi"]
    assert [jobs[name].identity for name in sorted(jobs)] == ["ann", "ann", "bob", "bob", "solo"]
    assert jobs["bob/x y.mkv"].id == "bob_x_y"
    for who, last in (("ann", "ann/2.MOV"), ("bob", "bob/x y.mkv")):
        roles = {job.source: job.role for job in source.jobs if job.identity == who}
        held_out = any(job.split != "train" for job in source.jobs if job.identity == who)
        assert roles[last] == ("gallery" if held_out else "clip")
        assert Counter(roles.values())["gallery"] == int(held_out)
    assert source.hash == folder_source(str(tmp_path)).hash
    (tmp_path / "ann" / "3.mp4").write_bytes(b"new")
    assert source.hash != folder_source(str(tmp_path)).hash


def test_what_is_no_video_is_listed_and_links_are_followed(tmp_path: Path):
    films = make_tree(tmp_path / "films", ("ann/1.MTS", "ann/2.wmv", "bob/x.gif", "bob/1.3gp", "notes.txt"))
    (films / "cid").symlink_to(make_tree(tmp_path / "elsewhere", ("1.flv",)))
    (films / "gone.mp4").symlink_to("nowhere")
    source = folder_source(str(films))
    assert [job.source for job in source.jobs] == ["ann/1.MTS", "ann/2.wmv", "bob/1.3gp", "cid/1.flv"]
    assert {clip.source: clip.rule for clip in source.missing} == dict.fromkeys(
        ("bob/x.gif", "gone.mp4", "notes.txt"), "not_video"
    )
    assert len({clip.id for clip in source.missing} | {job.id for job in source.jobs}) == 7


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigError, match="--folder"):
        folder_source("")
    with pytest.raises(MediaError, match="no folder"):
        folder_source(str(tmp_path / "absent"))
    make_tree(tmp_path, ("notes.txt",))
    with pytest.raises(MediaError, match="expected videos"):
        folder_source(str(tmp_path))


@given(st.lists(st.text(min_size=0, max_size=20), max_size=12))
@settings(deadline=None, max_examples=60)
def test_ids_are_plain_and_unique_even_where_case_is_ignored(names: list[str]):
    ids = unique_ids(names)
    assert len({clip_id.lower() for clip_id in ids}) == len(names)
    assert all(ID_PATTERN.fullmatch(clip_id) for clip_id in ids)


def test_the_synthetic_source_exports_held_out_splits_only():
    config = DataConfig(synthetic=SyntheticConfig(train_speakers=2, validation_speakers=1, test_speakers=1))
    source = list_source(config)
    assert len(source.jobs) == 8
    assert source.exported == ("validation", "test")
    assert source.hash != list_source(DataConfig(synthetic=SyntheticConfig(train_speakers=2))).hash
    assert source.hash == list_source(config).hash


def track(pose: list[float], blink: list[float], found: list[bool]) -> FaceTrack:
    frames = len(pose)
    landmarks = np.zeros((frames, 478, 3), np.float32)
    landmarks[:, 263, 0] = 1  # eyes one unit apart, mouth shut
    shapes = np.zeros((frames, 52), np.float32)
    shapes[:, 10] = blink
    angles = np.zeros((frames, 3), np.float32)
    angles[:, 1] = pose
    for part in (landmarks, shapes, angles):
        part[~np.array(found)] = np.nan
    return FaceTrack(landmarks, shapes, angles, np.array(found), np.array(found, int))


def test_the_portrait_is_frontal_with_open_eyes_and_early():
    assert portrait_frame(track([0.2, -0.3, 0.1, 0.1], [0, 0, 0.9, 0], [True] * 4)) == 3
    assert portrait_frame(track([0.0, 0.2, 0.2], [0, 0, 0], [False, True, True])) == 1
    late = [0.3] * 12 + [0.0]
    assert portrait_frame(track(late, [0] * 13, [True] * 13)) == 0
    with pytest.raises(FaceError):
        portrait_frame(track([0, 0], [0, 0], [False, False]))


def test_quality_numbers():
    assert loudness_db(np.full(1000, 0.1, np.float32)) == pytest.approx(-20)
    assert loudness_db(np.zeros(1000, np.float32)) is None
    picture = PictureQuality()
    flat = np.full((128, 128, 3), 77, np.uint8)
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    picture.add([flat, noise, noise])
    assert picture.sharpness > 1000
    landmarks = np.tile(np.float32([[0.2, 0.1], [0.6, 0.6]]), (4, 1, 1))
    landmarks[3] = np.nan
    material = Material(
        id="a",
        frames=lambda: iter(()),
        count=4,
        audio=np.zeros(10, np.float32),
        portrait=0,
        landmarks=landmarks,
        mouth_box=np.zeros((4, 4), np.float32),
        counts=np.array([1, 1, 2, 0]),
        source_pixels=200,
        sync=LipSync(-2, 0.51),
    )
    quality = clip_quality(picture, material)
    assert (quality.offset, quality.sync_score, quality.speech_share) == (-2, 0.51, None)
    assert quality.face_share == 0.75
    assert quality.several_faces == 0.25
    assert quality.face_size == pytest.approx(100)
    assert quality.loudness_db is None
