"""The GRID corpus: its record, its archives and its splits, from a local server."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_prep.datasets import grid, http_downloads
from data_prep.datasets.grid import Grid
from data_prep.datasets.published_splits import published
from data_prep.datasets.speakers import choose_speakers
from lt_bench.cli.main import main
from lt_bench.config import DataConfig
from lt_bench.data.format import ID_PATTERN
from lt_bench.errors import ConfigError, DownloadError, WriteError
from tests.support.range_server import Site, serve


def archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as stream:
        for name in names:
            stream.writestr(name, f"video {name}".encode() * 100)
    return packed.getvalue()


def publish(site: Site, **archives: bytes) -> None:
    """Put archives on the site, and their record."""
    files = []
    for name, content in archives.items():
        site.files[f"/records/3625687/files/{name}.zip"] = content
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        files.append({"key": f"{name}.zip", "size": len(content), "checksum": checksum})
    site.files["/api/records/3625687"] = json.dumps({"files": files}).encode()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(http_downloads, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(grid, "PINNED_MD5", {})
    with serve() as site:
        monkeypatch.setattr(grid, "SITE", site.url)
        one = archive("s1/bbaf2n.mpg", "s1/bbaf3s.mpg", "s1/brbk7n.mpg", "__MACOSX/s1/._bbaf2n.mpg", "../../evil.mpg")
        publish(site, s1=one, s2=archive("s2/lwbsza.mpg"), s3=archive("s3/notes.txt"))
        yield site


def data(folder: Path, speakers: str = "1-2", **keys: object) -> Grid:
    config = DataConfig(dataset="grid", cache=str(folder / "cache"), videos=str(folder / "videos"), speakers=speakers)
    return Grid(DataConfig(**{**vars(config), **keys}))  # type: ignore[arg-type]


def test_archives_are_downloaded_verified_unpacked_and_listed(site: Site, tmp_path: Path):
    steps: list[tuple[int, int]] = []
    assert data(tmp_path).download(lambda now, total: steps.append((now, total))) == {}
    videos = tmp_path / "videos"
    assert sorted(str(path.relative_to(videos)) for path in videos.rglob("*.mpg")) == [
        "s1/bbaf2n.mpg",
        "s1/bbaf3s.mpg",
        "s1/brbk7n.mpg",
        "s1/evil.mpg",
        "s2/lwbsza.mpg",
    ]
    assert not list(tmp_path.parent.glob("evil.mpg"))
    assert not list(videos.glob("*.zip*"))
    noted = json.loads((videos / "checksums.json").read_text())
    content = site.files["/records/3625687/files/s2.zip"]
    sums = [f"{name}:{hashlib.new(name, content).hexdigest()}" for name in ("md5", "sha256")]
    assert noted["s2.zip"] == sums
    assert steps[-1] == (0, 1)
    source = data(tmp_path).jobs()
    assert [(job.id, job.identity, job.split, job.source) for job in source.jobs][::4] == [
        ("s1_bbaf2n", "s1", "test", "s1/bbaf2n.mpg"),
        ("s2_lwbsza", "s2", "test", "s2/lwbsza.mpg"),
    ]
    assert all(ID_PATTERN.fullmatch(job.id) for job in source.jobs)
    asked = len(site.asked)
    assert data(tmp_path).download() == {}
    assert len(site.asked) == asked  # everything is here


def test_a_cut_download_resumes_and_only_missing_archives_are_asked_for(site: Site, tmp_path: Path):
    content = site.files["/records/3625687/files/s1.zip"]
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "s1.zip.part").write_bytes(content[:500])
    data(tmp_path, "1").download()
    assert ("/records/3625687/files/s1.zip", "bytes=500-") in site.asked
    shutil.rmtree(tmp_path / "videos" / "s1")
    (tmp_path / "videos" / "s1.zip").write_bytes(content)  # a process died before it unpacked it
    site.asked.clear()
    data(tmp_path, "1").download()
    assert site.asked == [("/api/records/3625687", "")]
    assert len(data(tmp_path, "1").jobs().jobs) == 4


def test_an_archive_without_videos_is_listed_with_its_reason(site: Site, tmp_path: Path):
    failed = data(tmp_path, "2-3").download()
    assert failed == {"s3": "expected videos (*.mpg) in the archive, got none"}
    source = data(tmp_path, "2-4").jobs()
    assert {clip.id: clip.reason.split(",")[0] for clip in source.missing} == {
        "s3": "could not be downloaded: expected videos (*.mpg) in the archive",
        "s4": f"expected videos in {tmp_path / 'videos' / 's4'}",
    }
    assert {clip.rule for clip in source.missing} == {"unavailable"}


def test_another_checksum_than_pinned_or_noted_is_refused(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grid, "PINNED_MD5", {1: "0" * 32})
    with pytest.raises(DownloadError, match=r"s1\.zip: expected md5 0{32}, got "):
        data(tmp_path, "1").download()
    data(tmp_path, "2").download()
    shutil.rmtree(tmp_path / "videos" / "s2")
    publish(site, s2=archive("s2/other1.mpg"))
    failed = data(tmp_path, "2").download()
    assert "expected md5" in failed["s2"]
    assert not (tmp_path / "videos" / "s2").exists()


def test_a_record_that_cannot_be_read_is_one_error(site: Site, tmp_path: Path):
    site.files["/api/records/3625687"] = b'{"message": "gone"}'
    with pytest.raises(DownloadError, match="expected files with key, size and checksum"):
        data(tmp_path).download()
    del site.files["/api/records/3625687"]
    with pytest.raises(DownloadError, match="expected the list of the record's files, got 404"):
        data(tmp_path).download()


def test_room_is_checked_before_any_archive_is_asked_for(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 100))
    with pytest.raises(WriteError, match="of free space for the download, got 100 B"):
        data(tmp_path).download()
    assert site.asked == [("/api/records/3625687", "")]


def test_splits_are_disjoint_and_the_first_five_speakers_have_all():
    homes = published("grid").by_name()
    assert len(homes) == 33
    assert sorted(name for name, home in homes.items() if home.split == "test") == ["s1", "s2", "s20", "s22"]
    assert {homes[f"s{number}"].split for number in range(1, 6)} == {"train", "validation", "test"}
    assert all(home.identity == name for name, home in homes.items())


def test_speakers_are_numbers_and_ranges():
    assert choose_speakers("", Grid.numbers) == Grid.numbers
    assert choose_speakers("3, 19-22", Grid.numbers) == (3, 19, 20, 22)
    for text in ("21", "0-3", "5-1", "30-40"):
        with pytest.raises(ConfigError, match="expected numbers of 1-20, 22-34, ascending"):
            choose_speakers(text, Grid.numbers)
    for text in ("s1", "1-", "1,,2", "-3"):
        with pytest.raises(ConfigError, match="expected numbers and ranges such as 1-5,7, got"):
            choose_speakers(text, Grid.numbers)


def test_clips_of_a_speaker_are_taken_evenly_and_their_number_is_planned(tmp_path: Path):
    (tmp_path / "videos" / "s1").mkdir(parents=True)
    for name in (*(f"clip{number}.mpg" for number in range(10)), "a copy.mpg", "notes.txt"):
        (tmp_path / "videos" / "s1" / name).write_bytes(b"x")
    some = data(tmp_path, "1-3", clips_per_speaker=3)
    assert [(clip.source, clip.rule) for clip in some.jobs().missing] == [
        ("s2.zip", "unavailable"),
        ("s3.zip", "unavailable"),
        ("s1/a copy.mpg", "not_video"),
        ("s1/notes.txt", "not_video"),
    ]
    assert [job.id for job in some.jobs().jobs] == ["s1_clip0", "s1_clip3", "s1_clip6"]
    assert some.unfetched() == [(3.0, "test")] * 3 + [(3.0, "train")] * 3
    assert sorted(some.is_here(wanted) for wanted in some.wanted_videos()) == [False, False, True]
    with pytest.raises(ConfigError, match="clips_per_speaker: expected 0"):
        data(tmp_path, clips_per_speaker=-1)


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = str(tmp_path / "cache")
    assert main(["prepare", "grid", "--out", out, "--speakers", "1-99", "--status"]) == 2
    assert "speakers: expected numbers of 1-20, 22-34" in capsys.readouterr().err
    assert main(["prepare", "synthetic", "--out", out, "--speakers", "1", "--status"]) == 2
    assert "expected a data set of numbered speakers, got synthetic" in capsys.readouterr().err
    assert main(["prepare", "grid", "--out", out, "--speakers", "1"]) == 2
    assert "expected at least one clip of the list with its video, got none of 1: s1" in capsys.readouterr().err


def test_the_command_downloads_prepares_and_verifies_real_clips(
    site: Site, mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    clips = {"s2": "id2_vcd_swwp2s", "s3": "lbax4n"}
    packed = {}
    for speaker, clip in clips.items():
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as target:
            target.write(mirror / "grid-sample" / f"{clip}.mpg", f"{speaker}/{clip}.mpg")
        packed[speaker] = stream.getvalue()
    publish(site, **packed)
    cache, videos = str(tmp_path / "cache"), str(tmp_path / "videos")
    command = ["prepare", "grid", "--out", cache, "--videos", videos, "--speakers", "2-3", "--workers", "1"]
    command += ["--resolution", "64", "--codec", "dct"]
    assert main([*command, "--download", "--json"]) == 0
    told = capsys.readouterr()
    assert "CC BY 4.0" in told.err
    report = json.loads(told.out)
    assert (report["sound"], report["clips"], report["rejected"]) == (True, 2, [])
    assert {name: row["clips"] for name, row in report["splits"].items()} == {"train": 1, "validation": 0, "test": 1}
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prepared_now"] == 0
