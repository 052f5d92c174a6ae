"""Downloads that resume and are verified, from a local server."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data_prep.datasets import http_downloads
from data_prep.datasets.http_downloads import (
    RemoteFile,
    check_space,
    download_all,
    download_file,
    download_lock,
    http_session,
    remaining,
)
from lt_bench.errors import DownloadError, WriteError
from tests.support.range_server import Site, serve

CONTENT = np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(http_downloads, "RETRY_SECONDS", 0.0)
    with serve() as site:
        site.files["/one.bin"] = CONTENT
        yield site


def remote(site: Site, folder: Path, name: str = "one.bin", content: bytes = CONTENT) -> RemoteFile:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return RemoteFile(folder / name, (f"{site.url}/{name}",), (digest,), len(content))


def fetch(file: RemoteFile) -> int:
    """Download; the bytes that were reported."""
    arrived: list[int] = []
    with http_session() as session:
        download_file(file, session, arrived.append)
    return sum(arrived)


def test_a_broken_answer_is_resumed_where_it_broke(site: Site, tmp_path: Path):
    site.cut_after = [100_000, 65_536]
    assert fetch(remote(site, tmp_path)) == len(CONTENT)
    assert (tmp_path / "one.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["", "bytes=65536-", "bytes=131072-"]
    assert [path.name for path in tmp_path.iterdir()] == ["one.bin"]


def test_what_an_earlier_process_left_is_not_sent_again(site: Site, tmp_path: Path):
    (tmp_path / "one.bin.part").write_bytes(CONTENT[:200_000])
    file = remote(site, tmp_path)
    assert remaining([file]) == 100_000
    assert fetch(file) == 100_000
    assert site.asked == [("/one.bin", "bytes=200000-")]
    assert remaining([file]) == 0
    assert fetch(file) == 0
    assert len(site.asked) == 1


def test_a_server_without_ranges_sends_the_file_anew(site: Site, tmp_path: Path):
    site.ranges = False
    (tmp_path / "one.bin.part").write_bytes(b"x" * 200_000)
    assert fetch(remote(site, tmp_path)) == len(CONTENT) - 200_000
    assert (tmp_path / "one.bin").read_bytes() == CONTENT


def test_an_overloaded_server_is_asked_again(site: Site, tmp_path: Path):
    site.refuse = [503, 429]
    fetch(remote(site, tmp_path))
    assert len(site.asked) == 3


def test_other_content_is_refused_and_the_next_address_is_asked(site: Site, tmp_path: Path):
    site.files["/other.bin"] = CONTENT[:-1] + b"!"
    file = remote(site, tmp_path)
    wrong = RemoteFile(file.path, (f"{site.url}/other.bin", f"{site.url}/gone.bin"), file.digests, file.bytes)
    with pytest.raises(DownloadError, match=r"other\.bin: expected sha256 .*, got .*; .*gone\.bin: 404"):
        fetch(wrong)
    assert list(tmp_path.iterdir()) == []
    fetch(RemoteFile(file.path, (*wrong.urls, *file.urls), file.digests, file.bytes))
    assert file.path.read_bytes() == CONTENT


def test_a_damaged_part_is_dropped_and_the_whole_file_sent(site: Site, tmp_path: Path):
    (tmp_path / "one.bin.part").write_bytes(b"x" * 200_000)
    assert fetch(remote(site, tmp_path)) == len(CONTENT) - 200_000
    assert (tmp_path / "one.bin").read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["bytes=200000-", ""]


def test_a_site_with_a_file_of_another_size_is_left_at_once(site: Site, tmp_path: Path):
    site.files["/one.bin"] = b"an error page"
    (tmp_path / "one.bin.part").write_bytes(CONTENT[:70_000])
    with pytest.raises(DownloadError, match="expected 300000 bytes, got "):
        fetch(remote(site, tmp_path))
    assert (tmp_path / "one.bin.part").read_bytes() == CONTENT[:70_000]
    assert len(site.asked) == 1


def test_a_wrong_file_in_its_place_is_replaced(site: Site, tmp_path: Path):
    (tmp_path / "one.bin").write_bytes(b"wrong")
    fetch(remote(site, tmp_path))
    assert (tmp_path / "one.bin").read_bytes() == CONTENT


def test_failed_files_are_listed_and_five_in_a_row_end_the_download(site: Site, tmp_path: Path):
    names = ["a", "one.bin", "b", "c"]
    with http_session() as session:
        failed = download_all([remote(site, tmp_path, name) for name in names], session, lambda count: None)
        assert sorted(failed) == ["a", "b", "c"]
        assert "404" in failed["a"]
        with pytest.raises(DownloadError, match=r"e: 5 downloads in a row failed: .*; the same command resumes"):
            download_all([remote(site, tmp_path, name) for name in "abcdefg"], session, lambda count: None)


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1_000_000))
    with pytest.raises(WriteError, match=r"expected 2\.0 GB of free space for the download, got 1\.0 MB"):
        check_space(tmp_path / "not" / "there", 2_000_000_000)
    assert list(tmp_path.iterdir()) == []


def test_two_downloads_to_one_folder_are_refused(tmp_path: Path):
    with download_lock(tmp_path), pytest.raises(WriteError, match="no other download"), download_lock(tmp_path):
        pass
