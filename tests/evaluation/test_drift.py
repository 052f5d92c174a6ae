"""Drift is what was put in: known ramps of brightness, sharpness and identity."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.errors import MediaError
from lt_bench.evaluation.drift.measurement import frame_measures, measure_drift, trend
from lt_bench.media.image import read_image
from lt_bench.media.video_writer import write_video

SECONDS = 4


def texture() -> np.ndarray:
    noise = np.random.default_rng(0).integers(60, 160, (16, 16, 1), dtype=np.uint8)
    return cv2.resize(np.repeat(noise, 3, 2), (64, 64), interpolation=cv2.INTER_NEAREST)


def video(path: Path, change: float) -> Path:
    """``change`` levels brighter and blurrier a second."""
    frames = []
    for index in range(SECONDS * 25):
        blurred = cv2.GaussianBlur(texture(), (0, 0), 0.2 + abs(change) * index / 400)
        frames.append((blurred + change * index / 25).clip(0, 255).round().astype(np.uint8))
    write_video(path, np.stack(frames))
    return path


def test_a_still_video_does_not_drift(tmp_path: Path) -> None:
    drift = measure_drift(video(tmp_path / "still.mp4", 0.0))
    assert drift.seconds == SECONDS
    assert "identity" not in drift.series
    for name, found in drift.trends.items():
        assert found.change == pytest.approx(0, abs=2 if name == "sharpness" else 0.05), name


def test_brightening_and_blur_are_seen_with_their_rate(tmp_path: Path) -> None:
    drift = measure_drift(video(tmp_path / "drift.mp4", 8.0))
    grey = [frame_measures(np.full((8, 8, 3), level, np.uint8))["L_mean"] for level in (106, 106 + 24)]
    assert drift.trends["L_mean"].change == pytest.approx(grey[1] - grey[0], rel=0.05)
    assert drift.trends["L_mean"].slope_per_minute == pytest.approx(20 * (grey[1] - grey[0]), rel=0.05)
    assert drift.series["sharpness"][-1] < 0.5 * drift.series["sharpness"][0]  # type: ignore[operator]
    assert drift.trends["L_std"].change < 0  # type: ignore[operator]
    assert abs(drift.trends["a_mean"].change) < 0.5  # type: ignore[arg-type]


def test_identity_is_the_distance_to_the_first_second_or_to_the_reference(tmp_path: Path) -> None:
    path = video(tmp_path / "drift.mp4", 8.0)

    calls = []

    def embed(frame: np.ndarray) -> np.ndarray | None:
        calls.append(frame.mean())
        return (
            None if 5 < len(calls) <= 10 else np.array([calls[-1], 0.0])
        )  # five frames a second, no face in the second

    own = measure_drift(path, embed).series["identity"]
    # Within a second the level moves by 8, so its frames are about 2 from their mean.
    assert own == (pytest.approx(1.92, abs=0.3), None, pytest.approx(16, abs=0.6), pytest.approx(24, abs=0.6))
    assert len(calls) == 5 * SECONDS
    calls.clear()
    calls.extend([0.0] * 10)
    black = measure_drift(path, embed, np.zeros((8, 8, 3), np.uint8)).series["identity"]
    assert black == tuple(pytest.approx(calls[10] + 3.2 + 8 * second, abs=0.8) for second in range(SECONDS))


def test_a_trend_skips_seconds_without_a_value() -> None:
    found = trend([None, 1.0, None, 3.0])
    assert (found.first, found.last, found.change, found.slope_per_minute) == (None, 3.0, None, 60.0)
    assert trend([None, 2.0]).slope_per_minute is None


def test_colours_are_those_of_the_library_of_another_kind() -> None:
    red = frame_measures(np.full((4, 4, 3), (255, 0, 0), np.uint8))  # CIE L*a*b* of sRGB red, D65
    assert [red[f"{c}_mean"] for c in "Lab"] == pytest.approx([53.24, 80.09, 67.20], abs=0.15)


def test_the_command_writes_json_and_a_plot_beside_the_real_video(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "real").mkdir()
    made, _ = video(tmp_path / "a.mp4", 8.0), video(tmp_path / "real" / "a.mp4", 0.0)
    out = tmp_path / "out"
    code = main(["drift", str(made), "--out", str(out), "--real", str(tmp_path / "real"), "--identity", "probe"])
    assert code == 0
    assert "sharpness" in capsys.readouterr().out
    document = json.loads((out / "drift.json").read_text())
    assert (
        document["videos"][0]["trends"]["L_mean"]["change"] > 5 > abs(document["real"][0]["trends"]["L_mean"]["change"])
    )
    assert len(document["videos"][0]["series"]["identity"]) == SECONDS
    picture = read_image(out / "drift.png")
    assert picture.shape[0] > 400
    assert picture.std() > 10


def test_what_cannot_be_measured_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_video(tmp_path / "short.mp4", np.zeros((30, 16, 16, 3), np.uint8))
    with pytest.raises(MediaError, match="at least 2 s to measure drift, got 1 whole seconds"):
        measure_drift(tmp_path / "short.mp4")
    codes = [
        main(["drift", str(tmp_path / "none.mp4"), "--out", str(tmp_path / "o"), "--identity", "none"]),
        main(["drift", str(tmp_path / "short.mp4"), "--out", str(tmp_path / "o"), "--real", str(tmp_path / "x.mp4")]),
    ]
    assert codes == [2, 2]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "none.mp4" in lines[0]
    assert "--real: expected the real video of short.mp4" in lines[1]
