"""From CelebV-HQ's list to a cache, with a video that this test makes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.data.cache import LatentCache
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video


def test_a_clip_of_celebv_hq_is_cut_at_its_seconds_around_its_box(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = mirror / "grid-sample" / "lbax4n.mpg"
    frames, audio = read_frames(path), read_audio(path)
    wide = np.full((len(frames), 288, 640, 3), 70, np.uint8)
    wide[:, :, 280:] = frames
    write_video(tmp_path / "videos" / "-Xy_1.mp4", wide, audio=audio)
    clip = {"duration": {"start_sec": 0.8, "end_sec": 2.2}, "attributes": {}, "version": "v0.1"}
    clip |= {"ytb_id": "-Xy_1", "bbox": {"top": 0.1, "bottom": 0.9, "left": 0.5, "right": 0.95}}
    gone = {**clip, "ytb_id": "gone"}
    info = tmp_path / "celebvhq_info.json"
    info.write_text(json.dumps({"meta_info": {}, "clips": {"-Xy_1_0": clip, "gone_0": gone}}))
    out = ["prepare", "celebv-hq", "--out", str(tmp_path / "cache"), "--info", str(info)]
    out += [
        "--videos",
        str(tmp_path / "videos"),
        "--resolution",
        "64",
        "--workers",
        "1",
        "crop.method=window",
        "--json",
    ]
    assert main(out) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["clips"], report["rejected_by_rule"]) == (1, {"unavailable": 1})
    record = LatentCache.open(tmp_path / "cache").records()[0]
    assert (record.id, record.identity, record.frames) == ("Xy_1_0", "-Xy_1", 35)
    assert record.source == "-Xy_1 0.8-2.2 s"
    assert record.crop is not None
    # The square around the box: as wide as the box, 0.45 of 640 pixels, and centred on it.
    x0, y0, x1, y1 = record.crop
    assert x1 - x0 == y1 - y0 == 288
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == (0.725 * 640, 144)
