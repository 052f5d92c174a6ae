"""Mixing of several channels to mono without cancellation.

The standard matrix of libswresample adds channels with fixed weights. If two channels contain the same voice with
opposite signs (from a cable with swapped wires, or a "vocal remover"), their sum is silence. The track is therefore
analyzed first, and the loudest channel is used if the mix would cancel.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from av import AudioFrame, AudioResampler

from lt_bench.shapes import Waveform

BLOCK_SECONDS = 0.1
"""Length of a block in which the power of the mix is compared with that of its channels."""
MIN_COHERENCE = 0.5
"""Power of the mix divided by that of uncorrelated channels; lower values mean cancellation. Equal channels give 2."""
MAX_CANCELLED = 0.1
"""Maximum share of a track's energy in blocks that cancel; above it, the loudest channel is used."""


class Downmix:
    """Mixes frames of one format to mono float32."""

    def __init__(self, channel: int | None = None) -> None:
        """Set up the mixer.

        Args:
            channel: index of the only channel to use; None mixes all channels by the standard matrix.
        """
        self._channel = channel
        # rematrix_maxval: with float output, libswresample would otherwise mix two equal channels to 1.41 of full
        # scale.
        self._mixer = AudioResampler(format="flt", layout="mono", options={"rematrix_maxval": "1.0"})
        self._splitter = AudioResampler(format="flt")

    def mono(self, frame: AudioFrame) -> Waveform:
        """Return the mono samples of one frame."""
        if self._channel is not None:
            return np.ascontiguousarray(self.channels(frame)[self._channel])
        parts = [part.to_ndarray()[0] for part in self._mixer.resample(frame)]
        return np.concatenate(parts).astype(np.float32)

    def channels(self, frame: AudioFrame) -> np.ndarray:
        """Return the samples of each channel, (channels, samples)."""
        parts = [part.to_ndarray()[0] for part in self._splitter.resample(frame)]
        return np.concatenate(parts).reshape(-1, frame.layout.nb_channels).T


def channel_to_take(frames: Iterable[AudioFrame]) -> int | None:
    """Return the loudest channel of a track whose mix cancels, or None for a good mix.

    Args:
        frames: all frames of the track, in one format.
    """
    downmix, weights = Downmix(), None
    energy, cancelled, total = np.zeros(1), 0.0, 0.0
    for frame in frames:
        split = downmix.channels(frame).astype(np.float64)
        if weights is None:
            weights = _weights(frame)
            energy = np.zeros(len(split))
        size = max(1, round(BLOCK_SECONDS * frame.sample_rate))
        for start in range(0, split.shape[1], size):
            block = split[:, start : start + size]
            each = np.nan_to_num((block**2).sum(axis=1), posinf=0.0)
            energy += each
            apart = float((weights**2 * each).sum())
            total += apart
            if float(((weights @ block) ** 2).sum()) < MIN_COHERENCE * apart:
                cancelled += apart
    return int(np.argmax(energy)) if total > 0 and cancelled > MAX_CANCELLED * total else None


def _weights(frame: AudioFrame) -> np.ndarray:
    """Return the weight of each channel in the standard mix, measured with one impulse per channel."""
    count = frame.layout.nb_channels
    impulses = np.eye(count, dtype=np.float32).reshape(1, -1)
    probe = AudioFrame.from_ndarray(impulses, format="flt", layout=frame.layout.name)
    probe.sample_rate = frame.sample_rate
    return Downmix().mono(probe).astype(np.float64)
