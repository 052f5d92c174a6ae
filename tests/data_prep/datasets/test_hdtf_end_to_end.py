"""From HDTF's real lists to a cache, with videos that this test makes under the names of the list's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.datasets.published_splits import published
from data_prep.reporting.histogram import histogram
from lt_bench.cli.main import main
from lt_bench.data.cache import LatentCache
from lt_bench.files import sha256_file
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video
from lt_bench.perception.faces import FaceLandmarker

SECONDS = 21
WINDOW = (344 / 2, 0, 526 / 2)
"""x, y and side of GeoffDavis_0 in HDTF's list, at half of its 720 lines."""


@pytest.fixture(scope="module")
def videos(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """GeoffDavis (clip 0:10-0:20) says two sentences of a GRID speaker; JoeHeck1 (0:10-0:20) ends too early."""
    source = assets / "grid-sample" / "sbia1a.mpg"
    speech, sound = read_frames(source), read_audio(source)
    sound = np.pad(sound, (0, 75 * 640))[: 75 * 640]
    frames = np.full((SECONDS * 25, 360, 640, 3), 60, np.uint8)
    audio = np.zeros(SECONDS * 16000, np.float32)
    for start in (250, 325, 400):
        frames[start : start + 75, :288, 130:490] = speech
        audio[start * 640 : (start + 75) * 640] = sound
    frames[475:500, :288, 130:490] = speech[:25]
    folder = tmp_path_factory.mktemp("hdtf-videos")
    write_video(folder / "GeoffDavis.mp4", frames, audio=audio, preset="ultrafast")
    write_video(folder / "JoeHeck1.mp4", frames[: 12 * 25], audio=audio[: 12 * 16000], preset="ultrafast")
    return folder


@pytest.fixture(scope="module")
def cache(videos: Path, assets: Path, tmp_path_factory: pytest.TempPathFactory) -> LatentCache:
    out = tmp_path_factory.mktemp("hdtf") / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LT_BENCH_MIRROR", str(assets))
        arguments = ["prepare", "hdtf", "--out", str(out), "--videos", str(videos), "--resolution", "64"]
        assert main([*arguments, "--workers", "1", "crop.method=window"]) == 0
    return LatentCache.open(out)


def test_a_clip_of_the_list_is_cut_at_its_times_and_by_its_window(cache: LatentCache):
    assert [record.id for record in cache.records()] == ["GeoffDavis_0"]
    record, home = cache.records()[0], published("hdtf").by_name()["WRA/GeoffDavis"]
    assert (record.identity, record.split, record.frames) == (home.identity, home.split, 250)
    assert record.source == "WRA/GeoffDavis 10-20 s"
    x, y, side = WINDOW
    assert record.crop == (x, y, x + side, y + side)
    assert record.quality.offset == 0
    assert record.quality.sync_score is not None
    assert record.quality.sync_score > 0.5
    assert record.quality.speech_share is not None
    assert 0.4 < record.quality.speech_share < 0.9
    window = cache.read_window(record, 0, 250)
    assert window.landmarks[..., 0].min() > 0
    assert window.landmarks[..., 0].max() < 1


def test_what_is_not_used_is_counted_by_rule(cache: LatentCache):
    rejected = json.loads((cache.path / "rejected.json").read_text())
    by_id = {clip["id"]: clip for clip in rejected}
    assert len(rejected) == 436
    assert by_id["JoeHeck1_0"]["rule"] == "unreadable"
    assert "expected a video until 20 s, got one that ends at 12 s" in by_id["JoeHeck1_0"]["reason"]
    assert by_id["Radio11_1"]["rule"] == "unavailable"
    assert by_id["RD_video_url.txt.24"]["rule"] == "unlisted"


def test_the_report_is_one_page_that_shows_every_rule_with_a_picture(cache: LatentCache):
    page = (cache.path / "report.html").read_text()
    assert "1 of 437 clips are kept" in page
    assert "expected a video until 20 s" in page
    assert page.count("data:image/jpeg;base64,") == 2  # the kept clip and the cut one; the others are not here
    assert 'src="http' not in page
    assert 'href="http' not in page
    assert str(cache.path) not in page


def test_the_same_again_does_nothing(
    cache: LatentCache, videos: Path, mirror: Path, capsys: pytest.CaptureFixture[str]
):
    before = {p: (sha256_file(p), p.stat().st_mtime_ns) for p in cache.path.rglob("*") if p.is_file()}
    arguments = ["prepare", "hdtf", "--out", str(cache.path), "--videos", str(videos), "--resolution", "64"]
    assert main([*arguments, "crop.method=window", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["prepared_now"], report["sound"], report["clips"]) == (0, True, 1)
    assert report["rejected_by_rule"] == {"unavailable": 434, "unlisted": 1, "unreadable": 1}
    assert before == {p: (sha256_file(p), p.stat().st_mtime_ns) for p in cache.path.rglob("*") if p.is_file()}
    assert main([*arguments, "crop.method=ratio"]) == 2
    assert "crop.method: expected 'ratio', got 'window'" in capsys.readouterr().err


def test_landmarks_are_found_once_a_frame_and_frames_decoded_once(
    videos: Path, tmp_path: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
):
    looked: list[int] = []
    detect = FaceLandmarker.detect
    monkeypatch.setattr(FaceLandmarker, "detect", lambda self, frame: looked.append(1) or detect(self, frame))
    decoded: list[int] = []

    def counted(*args, **kwargs):
        from lt_bench.media.video import iter_frames

        for frame in iter_frames(*args, **kwargs):
            decoded.append(1)
            yield frame

    monkeypatch.setattr("data_prep.extraction.footage.iter_frames", counted)
    folder = tmp_path / "films"
    frames = read_frames(mirror / "grid-sample" / "lbax4n.mpg", max_frames=55)
    write_video(folder / "a.mp4", frames, audio=read_audio(mirror / "grid-sample" / "lbax4n.mpg")[: 55 * 640])
    out = ["prepare", "folder", "--folder", str(folder), "--resolution", "64", "--workers", "1", "--out"]
    assert main([*out, str(tmp_path / "once")]) == 0
    assert (len(looked), len(decoded)) == (55, 55)
    # Too long for the memory that frames may take: decoded a second time, apart from the three frames that show who is
    # seen; the same cache.
    monkeypatch.setattr("data_prep.extraction.footage.HELD_BYTES", 1_000_000)
    assert main([*out, str(tmp_path / "twice")]) == 0
    assert (len(looked), len(decoded)) == (110, 168)
    once, twice = (LatentCache.open(tmp_path / name) for name in ("once", "twice"))
    assert once.hash == twice.hash


def test_histograms_count_every_value():
    picture = histogram([1, 2, 2, 3], [9], [4.5], whole=True, label="a <b>")
    assert picture.count('class="kept"') == 3
    assert picture.count('class="rejected"') == 1
    assert "<title>2 kept</title>" in picture
    assert "a &lt;b&gt;" in picture
    assert histogram([0.5], [], [])  # one value, no limit
