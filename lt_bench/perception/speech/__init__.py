"""Frozen speech encoders: 16 kHz sound to features at 25 Hz."""

from __future__ import annotations

from lt_bench.perception.speech.base import SpeechEncoder, build_speech_encoder

__all__ = ["SpeechEncoder", "build_speech_encoder"]
