"""GRID's clips pwij3p and id2_vcd_swwp2s show one man; prepared as a folder, each is an identity of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_prep.pipeline import prepare
from lt_bench.cli.main import main
from lt_bench.config import DataConfig
from lt_bench.data.face_prints import face_prints
from lt_bench.data.leaks import shared_faces
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video


@pytest.mark.slow
def test_one_man_under_two_names_is_found_and_others_are_not(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("pwij3p", "id2_vcd_swwp2s", "brbk7n", "lrwp9a"):
        source = mirror / "grid-sample" / f"{name}.mpg"
        frames, sound = read_frames(source)[20:50], read_audio(source)[20 * 640 : 50 * 640]
        write_video(tmp_path / "films" / f"{name}.mp4", frames, audio=sound)
    config = DataConfig(dataset="folder", folder=str(tmp_path / "films"), cache=str(tmp_path / "cache"), resolution=128)
    cache = prepare(config, workers=1).cache
    found = face_prints(cache)
    faces = shared_faces(found)
    assert [face.what for face in faces] == ["id2_vcd_swwp2s = pwij3p"]
    assert faces[0].distance is not None
    assert faces[0].distance < 0.32
    assert shared_faces(found, distance=0.5) == faces
    capsys.readouterr()
    splits = {record.identity: record.split for record in cache.records()}
    leak = splits["pwij3p"] != splits["id2_vcd_swwp2s"]
    assert main(["cache", "check-leaks", str(cache.path), "--json"]) == int(leak)
    report = json.loads(capsys.readouterr().out)
    assert report["faces_compared"] == 4
    assert len(report["leaks" if leak else "one_face_several_names"]) == 1
