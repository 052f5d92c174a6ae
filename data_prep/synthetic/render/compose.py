"""Layers of 8-bit pictures, laid over each other without floating point."""

from __future__ import annotations

import cv2
from jaxtyping import UInt8
from numpy import ndarray


def lay_over(layer: UInt8[ndarray, "H W 4"], picture: UInt8[ndarray, "H W 3"]) -> UInt8[ndarray, "H W 3"]:
    """Lay premultiplied RGBA over a picture in RGB."""
    rest = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(layer, 3)), cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.multiply(picture, rest, scale=1 / 255), cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB))


def blend_into(
    picture: UInt8[ndarray, "H W 4"], layer: UInt8[ndarray, "H W 4"], opacity: UInt8[ndarray, "H W"]
) -> None:
    """Blend an opaque layer into an opaque picture, in place; ``opacity`` 255 shows the layer alone."""
    share = cv2.merge([opacity] * 4)
    kept = cv2.multiply(picture, cv2.bitwise_not(share), scale=1 / 255)
    cv2.add(kept, cv2.multiply(layer, share, scale=1 / 255), dst=picture)
