"""Reading and writing single pictures."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lt_bench.errors import MediaError
from lt_bench.files import atomic_path
from lt_bench.media.checks import check_frame
from lt_bench.media.colour import check_size
from lt_bench.shapes import UInt8


def read_image(path: str | os.PathLike[str]) -> UInt8[np.ndarray, "H W 3"]:
    """Read a picture (PNG, JPEG, WebP, ...) as RGB, 0..255, upright by its EXIF orientation; transparency over white.

    Raises:
        MediaError: missing, a folder, empty, not a picture, cut, too large, or of more than 8 bits a channel.
    """
    path = Path(path)
    if not path.is_file():
        got = "a folder" if path.is_dir() else "nothing at that path"
        raise MediaError(f"{path}: expected a picture file, got {got}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                check_size(*image.size)
                if image.mode in ("I", "F") or image.mode.startswith("I;"):
                    raise MediaError(f"expected 8 bits a channel, got mode {image.mode}")
                return np.array(_opaque(ImageOps.exif_transpose(image)))
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from None
    except UnidentifiedImageError as error:
        got = "0 bytes" if path.stat().st_size == 0 else "an unknown format"
        raise MediaError(f"{path}: expected a picture file, got {got}") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise MediaError(f"{path}: expected a whole picture, got: {error}") from error


def write_png(path: str | os.PathLike[str], frame: UInt8[np.ndarray, "H W 3"]) -> None:
    """Write an RGB uint8 array as PNG; the file appears whole or not at all.

    Raises:
        MediaError: the array is not uint8 (H, W, 3).
    """
    check_frame(frame, str(path))
    with atomic_path(path) as temporary:
        Image.fromarray(np.ascontiguousarray(frame)).save(temporary, format="PNG")


def jpeg_bytes(frame: UInt8[np.ndarray, "H W 3"], longest: int, quality: int = 80) -> bytes:
    """An RGB uint8 array as a JPEG file of at most ``longest`` pixels a side."""
    check_frame(frame, "picture")
    image = Image.fromarray(np.ascontiguousarray(frame))
    image.thumbnail((longest, longest))
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return file.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
