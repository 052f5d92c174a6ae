"""CREMA-D: its table of clips, its splits and its downloads, from a local server."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_prep.datasets import crema_d, http_downloads
from data_prep.datasets.crema_d import CremaD, PinnedClip, pinned_clips
from data_prep.datasets.published_splits import published
from lt_bench.config import DataConfig
from lt_bench.files import sha256_file
from tests.support.range_server import Site, serve

NAMES = ("1001_DFA_ANG_XX", "1001_IEO_HAP_LO", "1002_DFA_ANG_XX")


def content(name: str) -> bytes:
    return name.encode() * 1000


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    rows = tuple(PinnedClip(name, hashlib.sha256(content(name)).hexdigest(), len(content(name))) for name in NAMES)
    monkeypatch.setattr(http_downloads, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(crema_d, "pinned_clips", lambda: rows)
    with serve() as site:
        monkeypatch.setattr(crema_d, "SITES", (f"{site.url}/first", f"{site.url}/mirror"))
        site.files = {f"/first/VideoFlash/{name}.flv": content(name) for name in NAMES}
        yield site


def data(folder: Path, **keys: object) -> CremaD:
    config = DataConfig(dataset="crema-d", cache=str(folder / "cache"), videos=str(folder / "videos"))
    return CremaD(DataConfig(**{**vars(config), **keys}))  # type: ignore[arg-type]


def test_the_table_pins_every_clip_of_every_actor():
    clips = pinned_clips()
    assert len(clips) == len({clip.name for clip in clips}) == 7442
    assert len({clip.actor for clip in clips}) == 91
    assert sum(clip.bytes for clip in clips) == 2_443_021_141
    assert all(len(bytes.fromhex(clip.sha256)) == 32 for clip in clips)
    assert sha256_file(crema_d.TABLE) == published("crema-d").lists[crema_d.TABLE.name]
    assert crema_d.TABLE.stat().st_size < 1_000_000


def test_splits_are_disjoint_in_actors_and_the_first_twenty_have_all():
    homes = published("crema-d").by_name()
    assert Counter(home.split for home in homes.values()) == {"train": 70, "validation": 10, "test": 11}
    assert {homes[str(number)].split for number in range(1001, 1021)} == {"train", "validation", "test"}


def test_clips_are_downloaded_verified_and_listed(site: Site, tmp_path: Path):
    assert data(tmp_path).download() == {}
    assert all((tmp_path / "videos" / f"{name}.flv").read_bytes() == content(name) for name in NAMES)
    source = data(tmp_path).jobs()
    assert [(job.id, job.identity, job.split, job.role) for job in source.jobs] == [
        ("1001_DFA_ANG_XX", "1001", "test", "clip"),
        ("1001_IEO_HAP_LO", "1001", "test", "gallery"),
        ("1002_DFA_ANG_XX", "1002", "train", "clip"),
    ]
    assert source.exported == ("validation", "test")
    asked = len(site.asked)
    assert data(tmp_path).download() == {}
    assert len(site.asked) == asked


def test_the_mirror_serves_what_the_first_site_lost(site: Site, tmp_path: Path):
    lost = f"/first/VideoFlash/{NAMES[0]}.flv"
    site.files[lost.replace("first", "mirror")] = site.files[lost]
    site.files[lost] = b"version https://git-lfs.github.com/spec/v1"  # a pointer instead of its content
    site.files[f"/first/VideoFlash/{NAMES[1]}.flv"] = b""
    failed = data(tmp_path).download()
    assert list(failed) == [NAMES[1]]
    assert (tmp_path / "videos" / f"{NAMES[0]}.flv").read_bytes() == content(NAMES[0])
    (missing,) = data(tmp_path).jobs().missing
    assert (missing.id, missing.rule) == (NAMES[1], "unavailable")
    assert missing.reason.startswith("could not be downloaded: ")


def test_a_pointer_of_a_clone_is_not_taken_for_a_video(site: Site, tmp_path: Path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / f"{NAMES[0]}.flv").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    reasons = {clip.id: clip.reason for clip in data(tmp_path, speakers="1001").jobs().missing}
    assert reasons[NAMES[0]] == "expected 15000 bytes, got 42 (a Git LFS pointer?); see --download"
    assert list(reasons) == list(NAMES[:2])
    assert data(tmp_path, speakers="1001", clips_per_speaker=1).unfetched() == [(2.5, "test")]
