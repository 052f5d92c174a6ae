"""Pictures with an ICC profile are converted to sRGB; what is expected follows from the primaries and the curve."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from lt_bench.errors import MediaError
from lt_bench.media.image import read_image

# Columns are red, green and blue in XYZ at D50 (Adobe RGB 1998 specification, ROMM RGB, IEC 61966-2-1).
ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
PROPHOTO = np.array([[0.79767, 0.13519, 0.03135], [0.28804, 0.71188, 0.00009], [0.0, 0.0, 0.82491]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])
SKIN = np.array([(224, 172, 150), (141, 85, 60), (90, 60, 45), (255, 255, 255), (0, 0, 0), (128, 128, 128)])


def profile(gamma: float, matrix: np.ndarray | None) -> bytes:
    """A display profile of version 2: three primaries (or grey) and one curve."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    white = b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)
    text = b"desc" + bytes(4) + struct.pack(">I", 5) + b"made\0" + bytes(78)
    tags = {b"desc": text, b"wtpt": white, b"cprt": b"text" + bytes(4) + b"none\0" + bytes(3)}
    if matrix is None:
        tags[b"kTRC"] = curve
    else:
        for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
            tags[name + b"XYZ"] = b"XYZ " + bytes(4) + fixed(*column)
            tags[name + b"TRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", start + len(body), len(data))
        body += padded
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"none", 0x02100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def encoded(linear: np.ndarray) -> np.ndarray:
    """The curve of sRGB, to 0..255."""
    light = np.clip(linear, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("gamma", "matrix"), [(563 / 256, ADOBE), (1.8008, PROPHOTO)], ids=["adobe", "prophoto"])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_a_wide_gamut_becomes_srgb(tmp_path: Path, gamma: float, matrix: np.ndarray, suffix: str) -> None:
    picture = np.repeat(SKIN[None].astype(np.uint8), 4, axis=0)
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(picture).save(tmp_path / f"a.{suffix}", icc_profile=profile(gamma, matrix), **options)
    expected = encoded((SKIN / 255) ** (round(gamma * 256) / 256) @ matrix.T @ np.linalg.inv(SRGB).T)
    got = read_image(tmp_path / f"a.{suffix}")
    assert np.abs(got[0] - expected).max() <= 2
    assert np.abs(expected - SKIN).max() > 10  # without the conversion these would be taken for sRGB


def test_srgb_grey_and_transparency(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "srgb.png", icc_profile=srgb)
    assert np.abs(read_image(tmp_path / "srgb.png").astype(int) - picture).max() <= 1
    Image.new("L", (4, 4), 128).save(tmp_path / "grey.png", icc_profile=profile(1.0, None))
    assert read_image(tmp_path / "grey.png")[0, 0].tolist() == pytest.approx([188] * 3, abs=2)
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "clear.png", icc_profile=profile(2.2, ADOBE))
    assert np.array_equal(read_image(tmp_path / "clear.png"), np.full((4, 4, 3), 255, np.uint8))


def test_a_profile_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", icc_profile=b"no profile at all, but a hundred bytes" * 4)
    with pytest.raises(MediaError, match=r"a\.png: expected a valid colour profile, got .*; remove it"):
        read_image(tmp_path / "a.png")
