"""Frozen speech encoders, from 16 kHz sound to features at 25 Hz; ``SPEECH_ENCODERS`` lists them by name."""

from __future__ import annotations

from lt_bench.perception.speech.base import (
    SPEECH_ENCODERS,
    SpeechEncoder,
    build_speech_encoder,
    register_speech_encoder,
)

__all__ = ["SPEECH_ENCODERS", "SpeechEncoder", "build_speech_encoder", "register_speech_encoder"]
