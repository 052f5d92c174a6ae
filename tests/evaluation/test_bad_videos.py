"""Every kind of bad video is one listed reason, the others are scored, and the command says that some were missed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.media.video import read_frames
from lt_bench.media.video_writer import write_video

PIXELS = """
id: pixels
version: 1
about: for tests
size: 64
scores: [{name: psnr}]
"""
Change = Callable[[Path, np.ndarray], None]


def encode(path: Path, frames: np.ndarray, codec: str = "libx264", **settings: Any) -> None:
    """Frames through any encoder and pixel format."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=Fraction(settings.get("rate", 25)))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = settings.get("pix_fmt", "yuv420p")
        if "rotation" in settings:
            stream.set_display_rotation(settings["rotation"])
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode(None))


def cut(path: Path, frames: np.ndarray) -> None:
    write_video(path, frames)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


BAD: dict[str, tuple[Change, str]] = {
    "broken": (cut, ""),
    "empty": (lambda path, _: path.write_bytes(b""), "got 0 bytes"),
    "text": (lambda path, _: path.write_text("no video"), ""),
    "one_frame": (lambda path, frames: write_video(path, frames[:1]), "got 1"),
    "wide": (lambda path, frames: write_video(path, frames.repeat(2, axis=2)), "expected frames of the shape 64x64"),
    "askew": (lambda path, frames: encode(path, frames, rotation=30), "expected a rotation by quarter turns"),
    "short": (lambda path, frames: write_video(path, frames[:30]), "at most 5 apart, got 30"),
}
GOOD: dict[str, Change] = {
    "sixty": lambda path, frames: write_video(path, frames[np.arange(144) * 25 // 60], fps=60),
    "huge": lambda path, frames: write_video(path, frames.repeat(10, axis=1).repeat(10, axis=2), preset="ultrafast"),
    "odd": lambda path, frames: encode(path, frames[:, :63, :63], pix_fmt="yuv444p"),
    "rotated": lambda path, frames: encode(path, np.rot90(frames, -1, (1, 2)), rotation=90),
    "ten_bit": lambda path, frames: encode(path, frames, pix_fmt="yuv420p10le"),
}


@pytest.fixture
def folder(painted, generate: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """A real folder with a video for each case, and the generated one with the cases themselves."""
    frames = read_frames(generate() / "ann_0.mp4")
    real, made = tmp_path / "real", tmp_path / "cases"
    real.mkdir()
    made.mkdir()
    for name in ("fine", *BAD, *GOOD):
        shutil.copy(painted.folder / "ann_0.mp4", real / f"{name}.mp4")
    write_video(made / "fine.mp4", frames)
    for name, (change, _) in BAD.items():
        change(made / f"{name}.mp4", frames)
    for name, change in GOOD.items():
        change(made / f"{name}.mp4", frames)
    (made / "notes.txt").write_text("not a video at all")
    return real, made


def test_each_is_a_reason_or_is_scored(
    folder: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pixels.yaml").write_text(PIXELS)
    real, made = folder
    command = ["evaluate", "--real", str(real), "--generated", str(made), "--protocol", str(tmp_path / "pixels.yaml")]
    assert main([*command, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert set(document["scores"]["psnr"]["per_video"]) == {"fine", *GOOD}
    reasons = {miss["clip"]: miss["reason"] for miss in document["misses"]}
    assert set(reasons) == set(BAD)
    for name, (_, text) in BAD.items():
        assert text in reasons[name]
        assert str(made) not in reasons[name]
        assert f"{name}.mp4" in reasons[name]
    adjusted = {clip["id"]: clip["adjusted"] for clip in document["clips"]}
    assert "generated: 60 to 25 fps" in adjusted["sixty"]
    assert "generated: 640x640 to 64x64" in adjusted["huge"]
    assert min(document["scores"]["psnr"]["per_video"].values()) > 24


def test_an_unknown_protocol_is_refused_before_the_bar(
    folder: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    real, made = folder
    assert main(["evaluate", "--real", str(real), "--generated", str(made), "--protocol", "nope"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "scoring" not in error


def test_silent_and_faceless_videos_are_missed_by_what_listens_and_looks(
    mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real, made = tmp_path / "real", tmp_path / "made"
    real.mkdir()
    made.mkdir()
    (tmp_path / "sync.yaml").write_text(PIXELS.replace("psnr", "lip_sync_open").replace("size: 64", "size: 0"))
    for name in ("pwij3p", "lwbsza", "sbia1a"):
        shutil.copy(mirror / "grid-sample" / f"{name}.mpg", real)
    frames = read_frames(real / "pwij3p.mpg")
    write_video(made / "pwij3p.mp4", frames, preset="ultrafast")
    write_video(made / "lwbsza.mp4", np.full_like(frames, 90), audio=np.zeros(48000, np.float32), preset="ultrafast")
    talking = read_frames(real / "sbia1a.mpg")
    write_video(made / "sbia1a.mp4", talking, audio=np.zeros(48000, np.float32), preset="ultrafast")
    command = ["evaluate", "--real", str(real), "--generated", str(made), "--protocol", str(tmp_path / "sync.yaml")]
    assert main([*command, "--json"]) == 1
    reasons = {miss["clip"]: miss["reason"] for miss in json.loads(capsys.readouterr().out)["misses"]}
    assert "no audio track" in reasons["pwij3p"]
    assert reasons["lwbsza"] == "generated video lwbsza.mp4: no face found in any of 75 frames"
    assert "expected a voice, got a silent track" in reasons["sbia1a"]
