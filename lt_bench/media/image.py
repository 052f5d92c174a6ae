"""Reading and writing of single pictures."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from lt_bench.errors import MediaError
from lt_bench.files import atomic_path
from lt_bench.media.checks import check_frame
from lt_bench.media.colour import MAX_SIDE, check_size
from lt_bench.shapes import UInt8

# This is the usual rendering intent; the perceptual intent of matrix profiles is the same.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
"""Kinds of HEIF files that hold HEVC pictures, as phones make them; AVIF is another kind, which Pillow reads."""
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's mode for the color space of a profile."""


def read_image(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "H W 3"]:
    """Read a picture (PNG, JPEG, WebP, ...) as sRGB, 0..255, upright by its EXIF orientation; transparency over white.

    Colors of a picture with an ICC profile (Adobe RGB, Display P3, CMYK, ...) are converted to sRGB.

    Raises:
        MediaError: the file is missing, a folder, empty, not a picture, truncated, too large, of more than 8 bits per
            channel, or has an unusable profile.
    """
    path = Path(path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing at that path"
        raise MediaError(f"{path}: expected a picture file, got {got}")
    try:
        with warnings.catch_warnings():
            # Pillow's limit is higher than ours, which is checked before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                check_size(*image.size)
                if image.mode in ("I", "F") or image.mode.startswith("I;"):
                    raise MediaError(f"expected 8 bits a channel, got mode {image.mode}; save it with 8")
                return np.array(_opaque(_srgb(ImageOps.exif_transpose(image))))
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from None
    except UnidentifiedImageError as error:
        got = "0 bytes" if path.stat().st_size == 0 else _unknown(path)
        raise MediaError(f"{path}: expected a picture file, got {got}") from error
    except Image.DecompressionBombError:
        most = f"sides of 1 to {MAX_SIDE} pixels"
        raise MediaError(
            f"{path}: expected {most}, got more than {MAX_SIDE**2:,} pixels in all; scale it first"
        ) from None
    except (OSError, SyntaxError, ValueError) as error:
        raise MediaError(f"{path}: expected a whole picture, got: {error}") from error


def write_png(path: str | os.PathLike[str], frame: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write an RGB uint8 array as PNG, atomically.

    Raises:
        MediaError: the array is not uint8 (H, W, 3).
    """
    check_frame(frame, str(path))
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(frame)).save(temporary, format="PNG")


def jpeg_bytes(frame: UInt8[np.ndarray, "H W 3"], longest: int, quality: int = 80) -> bytes:
    """Encode an RGB uint8 array as a JPEG file of at most ``longest`` pixels per side."""
    check_frame(frame, "picture")
    image = Image.fromarray(np.ascontiguousarray(frame))
    image.thumbnail((longest, longest))
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return file.getvalue()


def _unknown(path: Path) -> str:
    """What a file is that Pillow does not read."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in _HEIF:
        return "a HEIC photo; save it as JPEG or PNG"
    return "an unknown format; save it as JPEG or PNG"


def _srgb(image: Image.Image) -> Image.Image:
    """Convert the colors of a picture from its ICC profile to sRGB; transparency is kept."""
    data = image.info.get("icc_profile")
    if not data:
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        core: Any = profile.profile
        mode = _PROFILE_MODES.get(core.xcolor_space.strip())
        if mode is None:
            raise MediaError(f"expected an RGB, grey or CMYK colour profile, got {core.xcolor_space!r}")
        plain = image if image.mode == mode else image.convert(mode)
        result = ImageCms.profileToProfile(plain, profile, ImageCms.createProfile("sRGB"), _INTENT, "RGB")
    except (ImageCms.PyCMSError, OSError) as error:
        reason = " ".join(str(error).split())
        raise MediaError(
            f"expected a valid colour profile, got {reason}; remove it to have the picture taken as sRGB"
        ) from None
    assert result is not None
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
