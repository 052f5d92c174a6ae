"""Is somebody speaking? By silero-vad, whose weights come with its package (MIT)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool
from numpy import ndarray

from lt_bench.conventions import SAMPLE_RATE
from lt_bench.shapes import Waveform


class VoiceDetector:
    """silero-vad with its usual settings, on one thread."""

    def __init__(self) -> None:
        from silero_vad import load_silero_vad

        self._network: Any = load_silero_vad(onnx=True)

    def speech(self, audio: Waveform) -> Bool[ndarray, " samples"]:
        """For each sample (16 kHz mono) whether it lies in speech."""
        from silero_vad import get_speech_timestamps

        found = np.zeros(len(audio), bool)
        for part in get_speech_timestamps(torch.from_numpy(audio), self._network, sampling_rate=SAMPLE_RATE):
            found[part["start"] : part["end"]] = True
        return found
