"""The lists of HDTF and CelebV-HQ: every line is read, or listed with a reason."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from data_prep.datasets.celebv_hq import CelebvHq
from data_prep.datasets.celebv_hq_list import read_celebv_hq
from data_prep.datasets.hdtf import Hdtf
from data_prep.datasets.hdtf_lists import GROUPS, LISTS, read_hdtf
from data_prep.datasets.published_splits import published
from lt_bench.cli.main import main
from lt_bench.config import CropConfig, DataConfig
from lt_bench.data.format import ID_PATTERN
from lt_bench.errors import ConfigError, LtBenchError, MediaError


def test_every_line_of_hdtf_is_read_or_listed_with_a_reason(mirror: Path):
    hdtf = read_hdtf()
    assert Counter(v.group for v in hdtf.videos) == {"RD": 57, "WDA": 183, "WRA": 130}
    assert Counter(c.video.group for c in hdtf.clips) == {"RD": 66, "WDA": 195, "WRA": 175}
    assert len({c.name for c in hdtf.clips}) == 436
    files = [mirror / "hdtf" / f"{group}_{kind}.txt" for group in GROUPS for kind in LISTS]
    assert hdtf.lines == sum(bool(line.strip()) for f in files for line in f.read_text().splitlines()) == 1951
    assert [(bad.file, bad.line, bad.text.split()[0]) for bad in hdtf.bad] == [("RD_video_url.txt", 24, "Radio24")]
    assert "times" in hdtf.bad[0].reason
    problems = Counter(c.given.problem.split(",")[0] for c in hdtf.clips if c.given.problem)
    assert problems == {
        "expected a window in HDTF's list": 15,
        "expected a window within 720 lines": 3,
        "expected a reference resolution for the window": 2,
    }
    assert round(sum(b - a for v in hdtf.videos for a, b in v.times) / 3600, 2) == 17.07


def test_the_quirks_of_hdtf_s_lists(mirror: Path):
    hdtf = read_hdtf()
    videos, clips = {v.name: v for v in hdtf.videos}, {c.name: c for c in hdtf.clips}
    assert videos["CarolynMaloney2"].youtube == "RApGxN-O9Qc"  # after a byte order mark
    assert videos["Radio2"].youtube == "uBWJJvynXpA"  # before &t=6s
    assert videos["Radio11"].times == ((30, 60), (90, 150))
    assert len(videos["Radio34"].times) == 10
    window = clips["Radio11_1"].given
    assert (window.x, window.y, window.side, window.reference, window.ratio) == (557, 0, 478, 720, 1.2)


def test_bad_lines_are_told_with_file_and_line(mirror: Path, tmp_path: Path):
    for file in (mirror / "hdtf").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "RD_annotion_time.txt").write_text(
        "Radio1 00:20-00:10\nRadio2 soon\nRadio3 00:01-00:09\nNobody 0:00-0:09\n"
    )
    (tmp_path / "RD_crop_ratio.txt").write_text("Radio3_0 much\n")
    bad = {(b.file, b.line): b.reason for b in read_hdtf(tmp_path).bad if b.file != "RD_video_url.txt"}
    assert "ends after it starts" in bad.pop(("RD_annotion_time.txt", 1))
    assert "mm:ss-mm:ss, got soon" in bad.pop(("RD_annotion_time.txt", 2))
    assert "another" in bad.pop(("RD_annotion_time.txt", 4))
    assert "much" in bad.pop(("RD_crop_ratio.txt", 1))
    assert {file for file, _ in bad} == {"RD_crop_wh.txt"}  # windows of clips whose times are gone


def test_videos_of_hdtf_that_are_not_there_are_listed_and_those_there_follow_our_published_splits(
    mirror: Path, tmp_path: Path
):
    for name in ("Radio34.mp4", "RApGxN-O9Qc.webm", "JohnLewis0_0.mkv", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    source = Hdtf(DataConfig(dataset="hdtf", cache=str(tmp_path / "c"), videos=str(tmp_path))).jobs()
    jobs = {job.id: job for job in source.jobs}
    assert sorted(jobs) == ["CarolynMaloney2_0", "JohnLewis0_0", *(f"Radio34_{k}" for k in range(10))]
    assert (jobs["Radio34_1"].start, jobs["Radio34_1"].stop) == (40, 50)  # type: ignore[union-attr]
    assert (jobs["JohnLewis0_0"].start, jobs["JohnLewis0_0"].stop) == (0, None)  # type: ignore[union-attr]
    homes = published("hdtf").by_name()
    assert jobs["JohnLewis0_0"].identity == homes["WDA/JohnLewis0"].identity == "JohnLewis"
    assert jobs["JohnLewis0_0"].split == homes["WDA/JohnLewis0"].split
    assert Counter(clip.rule for clip in source.missing) == {"unavailable": 436 - 12, "unlisted": 1, "not_video": 1}
    (tmp_path / "Radio1.mp4").write_bytes(b"x")
    assert Hdtf(DataConfig(dataset="hdtf", cache="c", videos=str(tmp_path))).jobs().hash != source.hash


def test_every_entry_of_the_folder_of_videos_is_used_or_listed(mirror: Path, tmp_path: Path):
    folder = tmp_path / "videos"
    used = ("RD/Radio1.MP4", "Radio2.mp4", "WDA/JohnLewis0_0.mkv", "Ohlédnutí/Radio3.mp4")
    unused = {
        "uBWJJvynXpA.mp4": "another file is used for its clips",  # Radio2's name on YouTube
        "old/Radio2.webm": "another file is used for its clips",
        "Radio2_0.mp4": "another file is used for its clips",
        "Holiday.mov": "expected the name of a video or clip of the list, got 'Holiday'",
        "Radio24.mp4": "expected the name of a video or clip of the list, got 'Radio24'",  # no times in the list
        "Radio5.f137.mp4": "expected the name of a video or clip of the list, got 'Radio5.f137'",
    }
    others = ("Radio6.mp4.part", "papers/a.pdf", "unavailable.json")
    for name in (*used, *unused, *others, "cache/real/test/Radio7_0.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"{}")
    config = DataConfig(dataset="hdtf", cache=str(folder / "cache"), videos=str(folder))
    source = Hdtf(config).jobs()
    assert {job.path for job in source.jobs} == {folder / name for name in used}  # type: ignore[union-attr]
    assert {clip.source: clip.reason for clip in source.missing if clip.rule == "stray"} == unused
    assert [clip.source for clip in source.missing if clip.rule == "not_video"] == ["Radio6.mp4.part", "papers"]
    ids = [clip.id for clip in (*source.jobs, *source.missing)]
    assert len({name.lower() for name in ids}) == len(ids)
    assert all(ID_PATTERN.fullmatch(name) for name in ids)


def test_the_window_way_wants_the_reference_resolution(mirror: Path):
    wanted = {
        v.name: v.height for v in Hdtf(DataConfig(dataset="hdtf", crop=CropConfig(method="window"))).wanted_videos()
    }
    assert (wanted["Radio11"], wanted["Radio34"], wanted["KevinMcCarthy1"]) == (720, 1080, 1080)
    assert {v.height for v in Hdtf(DataConfig(dataset="hdtf")).wanted_videos()} == {1080}
    assert len(wanted) == 369


def celebv(path: Path, **clips: object) -> Path:
    path.write_text(json.dumps({"meta_info": {}, "clips": clips}))
    return path


def entry(video: str, start: float, stop: float, box: tuple[float, ...] = (0.1, 0.9, 0.2, 0.7)) -> dict[str, object]:
    top, bottom, left, right = box
    return {
        "ytb_id": video,
        "duration": {"start_sec": start, "end_sec": stop},
        "bbox": {"top": top, "bottom": bottom, "left": left, "right": right},
        "attributes": {},
        "version": "v0.1",
    }


def test_celebv_hq_is_read_and_its_bad_entries_are_told(tmp_path: Path):
    info = celebv(
        tmp_path / "info.json",
        **{
            "-aB_0": entry("-aB", 1.5, 4.25),
            "-aB_1": entry("-aB", 9, 8),
            "cd_0": entry("cd", 0, 3, (0.1, 1.9, 0.2, 0.7)),
            "ef_0": {"ytb_id": "ef"},
        },
    )
    found = read_celebv_hq(info)
    assert [(c.name, c.start, c.stop, c.box) for c in found.clips] == [("-aB_0", 1.5, 4.25, (0.2, 0.1, 0.7, 0.9))]
    reasons = dict(found.bad)
    assert "ends after it starts" in reasons["-aB_1"]
    assert "fractions" in reasons["cd_0"]
    assert "duration" in reasons["ef_0"]
    (tmp_path / "-aB.mp4").write_bytes(b"x")
    source = CelebvHq(DataConfig(dataset="celebv-hq", videos=str(tmp_path), info=str(info))).jobs()
    assert [(job.id, job.identity, job.start, job.region) for job in source.jobs] == [  # type: ignore[union-attr]
        ("aB_0", "-aB", 1.5, (0.2, 0.1, 0.7, 0.9))
    ]
    assert ID_PATTERN.fullmatch(source.jobs[0].id)
    assert {clip.rule for clip in source.missing} == {"unlisted", "not_video"}  # the list itself lies in the folder
    (tmp_path / "-aB_0.mp4").write_bytes(b"x")
    (tmp_path / "zz.mp4").write_bytes(b"x")
    source = CelebvHq(DataConfig(dataset="celebv-hq", videos=str(tmp_path), info=str(info))).jobs()
    assert [clip.source for clip in source.missing if clip.rule == "stray"] == ["-aB_0.mp4", "zz.mp4"]


def test_celebv_hq_without_its_list_is_an_error(tmp_path: Path):
    with pytest.raises(ConfigError, match="--info"):
        CelebvHq(DataConfig(dataset="celebv-hq")).jobs()
    with pytest.raises(LtBenchError, match="readable JSON"):
        read_celebv_hq(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(MediaError, match="key 'clips'"):
        read_celebv_hq(tmp_path / "other.json")


def test_without_any_video_nothing_is_written(mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "cache"
    assert main(["prepare", "hdtf", "--out", str(out), "--videos", str(tmp_path / "none")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "expected at least one clip of the list with its video, got none of 437: Radio1_0" in error
    assert not out.exists()
