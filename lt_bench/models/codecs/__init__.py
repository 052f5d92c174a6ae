"""Codecs between frames and raw latents, one file each; ``CODECS`` lists them by name."""

from __future__ import annotations

from lt_bench.models.codecs.base import CODECS, Codec, build_codec, frames_to_tensor, register_codec, tensor_to_frames

__all__ = ["CODECS", "Codec", "build_codec", "frames_to_tensor", "register_codec", "tensor_to_frames"]
