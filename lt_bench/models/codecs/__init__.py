"""Codecs between frames and raw latents."""

from __future__ import annotations

from lt_bench.models.codecs.base import Codec, build_codec, frames_to_tensor, tensor_to_frames

__all__ = ["Codec", "build_codec", "frames_to_tensor", "tensor_to_frames"]
