from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from lt_bench.errors import MediaError
from lt_bench.media.image import read_image, write_png


@settings(deadline=None, max_examples=30)
@given(frame=hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_png_is_exact(tmp_path_factory, frame: np.ndarray) -> None:
    path = tmp_path_factory.getbasetemp() / "exact.png"
    write_png(path, frame)
    assert np.array_equal(read_image(path), frame)


def test_png_bytes_are_deterministic_and_views_are_taken(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", frame[:, ::-1])
    write_png(tmp_path / "b.png", frame[:, ::-1].copy())
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_photograph_is_turned_upright_by_its_exif_orientation(tmp_path: Path) -> None:
    frame = np.zeros((40, 60, 3), np.uint8)
    frame[:20] = 200
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rows are the scene's columns
    Image.fromarray(frame).save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = read_image(tmp_path / "a.jpg")
    assert upright.shape == (60, 40, 3)
    assert upright[:, 30:].mean() > 190
    assert upright[:, :10].mean() < 10


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "YCbCr"])
def test_every_8_bit_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    Image.new("RGB", (20, 10), (255, 255, 255)).convert(mode).save(tmp_path / f"a.{suffix}")
    got = read_image(tmp_path / f"a.{suffix}")
    assert (got.shape, got.dtype) == ((10, 20, 3), np.uint8)
    assert got.min() >= 254


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png"), np.full((4, 4, 3), 255, np.uint8))


def test_what_is_no_picture_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "prose.png").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    write_png(tmp_path / "whole.png", np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:3000])
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    Image.new("RGB", (8193, 1)).save(tmp_path / "wide.png")
    Image.new("1", (12000, 12000)).save(tmp_path / "bomb.png")
    Image.new("1", (20000, 10000)).save(tmp_path / "huge.png")
    for name, message in {
        "absent.png": "expected a picture file, got nothing at that path",
        "folder.png": "expected a picture file, got a folder",
        "empty.png": "expected a picture file, got 0 bytes",
        "prose.png": "expected a picture file, got an unknown format",
        "cut.png": "expected a whole picture",
        "deep.png": "expected 8 bits a channel, got mode I;16; save it with 8",
        "wide.png": "expected sides of 1 to 8192 pixels, got 8193x1; scale it first",
        "bomb.png": "expected sides of 1 to 8192 pixels, got 12000x12000; scale it first",
        "huge.png": "expected sides of 1 to 8192 pixels, got more than 67,108,864 pixels in all; scale it first",
    }.items():
        with pytest.raises(MediaError, match=f"{name}: {message}") as error:
            read_image(tmp_path / name)
        assert "\n" not in str(error.value)


def test_only_uint8_rgb_is_written(tmp_path: Path) -> None:
    for wrong in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(MediaError, match=r"a\.png: expected"):
            write_png(tmp_path / "a.png", wrong)
    assert not list(tmp_path.iterdir())
