"""A crop stays inside the picture; what cannot is measured and refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.extraction.crop import Crop, apply_crop
from data_prep.extraction.crop_fit import fit, fitted_crop, invented_share
from data_prep.extraction.crop_methods import Given
from data_prep.pipeline import prepare
from data_prep.rules import RejectionError
from lt_bench.cli.portrait_picture import square_portrait
from lt_bench.config import DataConfig
from lt_bench.config.data import CropConfig
from lt_bench.errors import FaceError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import read_frames, write_video


def face(x0: float, y0: float, x1: float, y1: float, frames: int = 5) -> np.ndarray:
    points = np.random.default_rng(0).random((60, 2))
    points = (points - points.min(axis=0)) / np.ptp(points, axis=0)
    return np.repeat((points * (x1 - x0, y1 - y0) + (x0, y0))[None], frames, axis=0)


def inside(crop: Crop, size: tuple[int, int]) -> bool:
    return bool((crop.corners >= -0.51).all() and (crop.corners <= np.array(size) + 0.51).all())


@given(
    st.floats(0, 1), st.floats(0, 1), st.integers(40, 200), st.integers(210, 400), st.integers(210, 400),
    st.floats(1, 4), st.sampled_from([0.0, 7.0, -30.0]),
)  # fmt: skip
@settings(deadline=None, max_examples=200)
def test_no_pixel_is_invented_of_a_face_within_the_picture(left, top, face_side, width, height, scale, roll):
    x, y = left * (width - face_side), top * (height - face_side)
    union = np.array([x, y, x + face_side, y + face_side])
    side = round(scale * face_side)
    crop = fit(
        Crop(round(x + (face_side - side) / 2), round(y + (face_side - side) / 2), side, roll), union, (width, height)
    )
    assert crop.side <= side
    if not roll:
        assert inside(crop, (width, height))
        assert invented_share(crop, (width, height)) == 0
        assert crop.x <= x + 0.51
        assert crop.x + crop.side >= x + face_side - 0.51
        if scale * face_side <= min(width, height):
            assert crop.side == side  # moved, not made smaller


def test_a_crop_within_the_picture_stays_as_it_is():
    assert fit(Crop(30, 20, 100), np.array([50.0, 40.0, 110.0, 100.0]), (200, 150)) == Crop(30, 20, 100)


def test_the_share_is_that_of_repeated_pixels():
    frame = np.full((100, 100, 3), 200, np.uint8)
    frame[1:-1, 1:-1] = 50
    for crop in (Crop(-20, 10, 80), Crop(-20, -20, 140), Crop(30, 40, 60), Crop(60, 60, 80)):
        counted = (apply_crop(frame, crop, crop.side)[..., 0] == 200).mean()
        assert invented_share(crop, (100, 100)) == pytest.approx(counted, abs=0.03)
    turned = Crop(10, 10, 80, roll=45)
    assert invented_share(turned, (100, 100)) == pytest.approx(4 * (40 * 2**0.5 - 50) ** 2 / 80**2, abs=1e-3)
    assert invented_share(Crop(300, 300, 50), (100, 100)) == 1


def test_a_face_that_the_picture_cuts_is_refused_by_rule():
    with pytest.raises(RejectionError, match=r"got a crop of which 16\.7% lies beyond its border") as caught:
        fitted_crop(face(-40, 60, 120, 160), CropConfig(), (360, 288), 0.02)
    assert caught.value.rule.name == "border"
    assert caught.value.value == pytest.approx(1 / 6, abs=0.01)
    assert caught.value.limit == 0.02
    assert fitted_crop(face(-40, 60, 120, 160), CropConfig(), (360, 288), 0.3).invented == caught.value.value


@pytest.mark.parametrize("method", ["stable", "ratio", "window"])
def test_every_method_is_kept_inside(method):
    listed = Given(x=-50, y=-50, side=300, reference=288, ratio=3.0)
    found = fitted_crop(face(60, 60, 160, 160), CropConfig(method=method), (360, 288), 0.0, listed)
    assert inside(found.crop, (360, 288))
    assert found.invented == 0


def closeup(mirror: Path, name: str, x: int, y: int, width: int, height: int) -> np.ndarray:
    frames = read_frames(mirror / "grid-sample" / f"{name}.mpg", max_frames=30)[:, y : y + height, x : x + width]
    return np.stack([cv2.resize(f, (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC) for f in frames])


def test_close_ups_lose_their_stripes_or_are_refused(mirror: Path, tmp_path: Path):
    films = {
        "tight": ("swiz3n", 85, 75, 190, 180),
        "corner": ("bbaf2n", 0, 88, 250, 200),
        "cut": ("swiz3n", 128, 75, 190, 180),
    }
    for name, (clip, *box) in films.items():
        voice = read_audio(mirror / "grid-sample" / f"{clip}.mpg")[16000 : 16000 + 30 * 640]
        write_video(tmp_path / "films" / f"{name}.mp4", closeup(mirror, clip, *box), audio=voice)
    quality = {"min_speech_share": 0.0, "max_offset": None}
    from lt_bench.config import parse_config
    from lt_bench.config.data import QualityConfig

    config = DataConfig(
        dataset="folder", folder=str(tmp_path / "films"), cache=str(tmp_path / "cache"), resolution=64,
        quality=parse_config(QualityConfig, quality, "quality"),
    )  # fmt: skip
    done = prepare(config, workers=1)
    for record in done.cache.records():
        assert record.crop is not None
        assert record.quality.invented <= 0.02
        x0, y0, x1, y1 = record.crop
        width, height = 2 * films[record.id][3], 2 * films[record.id][4]
        assert -0.02 * (x1 - x0) <= min(x0, y0)
        assert x1 <= 1.02 * width
        assert y1 <= 1.02 * height
    assert {record.id for record in done.cache.records()} >= {"corner"}
    assert {clip.id: clip.rule for clip in done.rejected}["cut"] == "border"


def test_a_portrait_is_kept_inside_the_picture_or_refused(mirror: Path):
    frame = closeup(mirror, "swiz3n", 60, 40, 230, 220)[0]
    square = square_portrait(frame, 128, face=True).square
    assert square.shape == (128, 128, 3)
    assert np.abs(np.diff(square[-8:, 20:-20].astype(int), axis=0)).max(axis=(1, 2)).min() > 0  # no stripes
    with pytest.raises(FaceError, match="lies beyond its border"):
        square_portrait(closeup(mirror, "swiz3n", 128, 75, 190, 180)[0], 128, face=True)
