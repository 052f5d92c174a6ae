"""The whole corpus against the real commands; minutes. ``python -m hostile.build`` does the same by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hostile.build import ENTRIES, build
from hostile.videos import VIDEOS
from hostile.watch import run_trials

from lt_bench.cli.main import main
from lt_bench.files import read_json


def test_the_corpus_is_large_and_its_names_are_unique():
    names = Counter((entry.kind, entry.name) for entry in ENTRIES)
    assert len(names) == len(ENTRIES) > 200
    assert len({entry.kind for entry in ENTRIES}) >= 12


@pytest.mark.slow
def test_no_file_of_the_corpus_does_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    bad = {o.trial.name: o.problem for o in run_trials(build(tmp_path), tmp_path) if o.problem}
    assert bad == {}


@pytest.mark.slow
def test_a_folder_of_hostile_videos_costs_the_sound_one_among_them_nothing(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    build(tmp_path, VIDEOS)
    (tmp_path / "corpus" / "sound.mpg").write_bytes((mirror / "grid-sample" / "sbia1a.mpg").read_bytes())
    assert main(["prepare", "folder", "--folder", "corpus", "--out", "cache", "--workers", "2"]) == 0
    rejected = read_json(tmp_path / "cache" / "rejected.json")
    assert len(rejected) > 100
    assert {entry["rule"] for entry in rejected} >= {"unreadable", "no_sound", "no_speech", "short"}
    assert all("Traceback" not in entry["reason"] and "\n" not in entry["reason"] for entry in rejected)
    assert "1 clips (1 made now), 75 frames" in capfd.readouterr().out
