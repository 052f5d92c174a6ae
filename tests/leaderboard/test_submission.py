"""Packed results: the same result gives the same pack, and a check finds every kind of tampering."""

from __future__ import annotations

import dataclasses
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lt_bench.cli.main import main
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.evaluation.results.result_file import Result, save_result, to_document
from lt_bench.leaderboard.submission import check_submission, pack_submission


@pytest.fixture
def result(fake) -> Result:
    ours, plain = load_protocol("open-v1"), fake("theirs", 0.8)
    protocol = dataclasses.replace(plain.protocol, id=ours.id, version=ours.version, hash=ours.hash)
    return dataclasses.replace(plain, protocol=protocol)


def pack(result: Result, folder: Path, videos: bool = False) -> Path:
    save_result(result, folder / "theirs.json")
    if videos:
        (folder / "videos").mkdir()
        for clip in result.clips:
            (folder / "videos" / f"{clip.id}.mp4").write_bytes(clip.id.encode())
    return pack_submission(folder / "theirs.json", folder / "pack.zip", folder / "videos" if videos else None)


def problems(path: Path) -> dict[str, str]:
    return {finding.what: finding.problem for finding in check_submission(path) if finding.problem}


def rewritten(path: Path, changes: dict[str, bytes]) -> Path:
    """The pack with other members."""
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        members = {name: old.read(name) for name in old.namelist()} | changes
        for name, data in members.items():
            new.writestr(name, data)
    return out


def test_a_sound_pack_has_no_problem_and_is_the_same_every_time(result, tmp_path):
    first = pack(result, tmp_path, videos=True)
    assert problems(first) == {}
    bytes_before = first.read_bytes()
    assert pack_submission(tmp_path / "theirs.json", first, tmp_path / "videos").read_bytes() == bytes_before
    with zipfile.ZipFile(first) as opened:
        assert len(opened.namelist()) == 2 + len(result.clips)


def test_a_changed_result_or_video_is_found(result, tmp_path):
    path = pack(result, tmp_path, videos=True)
    name = f"videos/{result.clips[3].id}.mp4"
    assert "expected sha256" in problems(rewritten(path, {name: b"another video"}))[name]
    assert "expected sha256" in problems(rewritten(path, {"result.json": b"{}"}))["result.json"]


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "extra.py"])
def test_members_that_are_not_listed_or_lead_out_are_found(result, tmp_path, name):
    path = rewritten(pack(result, tmp_path), {name: b"x"})
    assert repr(name) in problems(path)["members are those of the manifest"]
    assert not (tmp_path.parent / "outside.txt").exists()


def test_a_flattered_mean_is_found(result, tmp_path):
    score = result.scores["lip_corr"]
    better = dataclasses.replace(score, value=score.value + 0.05, interval=None)
    flattered = dataclasses.replace(result, scores={**result.scores, "lip_corr": better})
    assert (
        "lip_corr: expected the mean"
        in problems(pack(flattered, tmp_path))["aggregates are those of the single videos"]
    )


def test_another_protocol_is_found(result, tmp_path):
    changed = dataclasses.replace(result, protocol=dataclasses.replace(result.protocol, hash="0" * 64))
    assert "expected open-v1 version" in problems(pack(changed, tmp_path))["protocol"]


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04 cut"])
def test_what_is_no_pack_is_one_line(tmp_path, capsys, data):
    path = tmp_path / "bad.zip"
    path.write_bytes(data)
    assert main(["leaderboard", "check", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_packs_and_checks(result, tmp_path, capsys):
    save_result(result, tmp_path / "theirs.json")
    out = str(tmp_path / "pack.zip")
    assert main(["leaderboard", "submit", str(tmp_path / "theirs.json"), "--out", out]) == 0
    capsys.readouterr()
    assert main(["leaderboard", "check", out, "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["sound"]
    document = to_document(result)
    document["scores"]["psnr"]["value"] += 1
    bad = rewritten(Path(out), {"result.json": json.dumps(document).encode()})
    assert main(["leaderboard", "check", str(bad)]) == 1
    printed = capsys.readouterr().out
    assert "bad  result.json" in printed
    assert re.search(r": refused, 2 of \d+ checks failed$", printed.rstrip())
