"""Settings that a score depends on, as plain values, and their hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lt_bench.files import sha256_json


def protocol_settings(width: int, height: int, fps: float, first_frame: int, max_frames: int) -> dict[str, Any]:
    """Settings of the protocol, named apart from the metric's own.

    Args:
        width: of the scored frames, in pixels.
        height: of the scored frames, in pixels.
        fps: rate of the scored frames.
        first_frame: frames before it are not scored.
        max_frames: frames that clips are cut to; 0 for no cut.
    """
    return {
        "protocol.width": width,
        "protocol.height": height,
        "protocol.fps": fps,
        "protocol.first_frame": first_frame,
        "protocol.max_frames": max_frames,
    }


def hash_of_settings(settings: Mapping[str, Any]) -> str:
    """SHA-256 of settings; scores of another hash are not comparable."""
    return sha256_json(dict(settings))
