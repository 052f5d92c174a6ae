"""Moonshine tiny (Jeffries et al., arXiv 2410.15608): the encoder of a speech recognizer, run by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.assets.table import asset
from lt_bench.conventions import SAMPLE_RATE
from lt_bench.files import sha256_json
from lt_bench.perception.speech.base import SpeechEncoder, resample_features
from lt_bench.shapes import SpeechFeatures, Waveform

WEIGHTS = "moonshine_tiny_en_encoder.ort"
DIM = 288
HOP, CENTRE = 384, 447
"""Step k of the encoder is centered on sample 384 k + 447."""
SHORTEST = 896
"""Minimum number of samples for one step of the encoder; shorter sound is padded with silence."""
LONG = 10 * SAMPLE_RATE
"""Number of samples above which the memory of a run is freed."""


class MoonshineEncoder(SpeechEncoder):
    """The encoder's last hidden state, interpolated linearly from 41.67 Hz to the frames' centers.

    Sound is not normalized. The encoder is about 80 times faster than real time on one core.
    """

    name = "moonshine"
    assets = (WEIGHTS,)

    def __init__(self) -> None:
        self._session: Any = None

    @property
    def layers(self) -> int:
        """Return the number of layers of features per frame."""
        return 1

    @property
    def dim(self) -> int:
        """Return the number of features of a layer."""
        return DIM

    @property
    def hash(self) -> str:
        """Return the hex SHA-256 over the weights' pinned SHA-256 and the settings; no file is needed."""
        return sha256_json([self.name, asset(WEIGHTS).sha256, HOP, CENTRE])

    def _encode(self, waveform: Waveform, frames: int) -> SpeechFeatures:
        sound = np.pad(waveform, (0, max(0, SHORTEST - len(waveform))))[None]
        if self._session is None:
            self._session = _open()
        given = {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)}
        steps = self._session.run(None, given, _options(sound.shape[1]))[0][0]
        times = (HOP * np.arange(len(steps)) + CENTRE) / SAMPLE_RATE
        return resample_features(steps, times, frames)[:, None]

    def __getstate__(self) -> dict[str, Any]:
        """Omit the session, which cannot be sent to worker processes; each opens its own."""
        return {"_session": None}


def _options(samples: int) -> Any:
    """Return run options: 300 MB of attention over half a minute are freed, and memory of short clips is reused."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    if samples > LONG:
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _open() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread is used, because workers run in parallel and results must not depend on the number of cores.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(asset_path(WEIGHTS)), options, providers=["CPUExecutionProvider"])
