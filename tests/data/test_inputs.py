"""What is exported for another system: everything it needs, nothing that it should not see."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lt_bench.data.inputs import export_inputs
from lt_bench.data.real_set import RealSet, read_real_set, real_clip, write_real_set
from lt_bench.errors import CacheError


@pytest.fixture
def real(tmp_path: Path) -> RealSet:
    folder = tmp_path / "real"
    folder.mkdir()
    clips = []
    for name, role in (("a_take0", "clip"), ("a_take1", "gallery"), ("b_take0", "clip")):
        for suffix in ("mp4", "png", "wav"):
            (folder / f"{name}.{suffix}").write_bytes(f"{name} {suffix}".encode())
        clips.append(real_clip(folder, name, name[0], role, 75, truth=False))
    write_real_set(folder, "synthetic", "test", 64, clips)
    return read_real_set(folder)


def test_portraits_and_sound_of_the_clips_and_nothing_else(real, tmp_path):
    made = export_inputs(real, tmp_path / "out")
    names = {path.name for path in made.folder.iterdir()}
    assert names == {"a_take0.png", "a_take0.wav", "b_take0.png", "b_take0.wav", "inputs.json", "inputs.csv"}
    assert (made.clips, made.seconds) == (("a_take0", "b_take0"), 6.0)
    document = json.loads((made.folder / "inputs.json").read_text())
    assert document["real_hash"] == real.hash
    with (made.folder / "inputs.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["id"], r["portrait"], r["frames"], r["video"]) for r in rows][1] == (
        "b_take0",
        "b_take0.png",
        "75",
        "b_take0.mp4",
    )


def test_a_file_that_is_not_the_manifests_is_refused(real, tmp_path):
    (real.folder / "b_take0.wav").write_bytes(b"another voice")
    with pytest.raises(CacheError, match=r"b_take0\.wav: expected sha256"):
        export_inputs(real, tmp_path / "out")
    (real.folder / "b_take0.wav").unlink()
    with pytest.raises(CacheError, match="expected the audio of clip b_take0"):
        export_inputs(real, tmp_path / "out")


def test_a_second_call_keeps_whole_files_and_mends_others(real, tmp_path):
    made = export_inputs(real, tmp_path / "out")
    (made.folder / "a_take0.png").write_bytes(b"cut")
    kept = (made.folder / "b_take0.png").stat().st_mtime_ns
    export_inputs(real, tmp_path / "out")
    assert (made.folder / "a_take0.png").read_bytes() == b"a_take0 png"
    assert (made.folder / "b_take0.png").stat().st_mtime_ns == kept
