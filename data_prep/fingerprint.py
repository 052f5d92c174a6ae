"""Short descriptions of a clip's pictures and sound, by which duplicates are found.

Two clips are the same when their pictures and their sound agree: speakers in front of one wall look alike from clip to
clip, and one soundtrack may lie under two pictures, but both at once is a copy. Copies may differ in compression,
brightness and size, not in their beginning and end.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lt_bench.shapes import Waveform

FRAMES = 8
"""Frames described, evenly over the clip."""
BINS = 64
"""Pieces of the sound whose levels are described."""
MAX_LENGTH_CHANGE = 2
"""Frames by which a copy may be longer or shorter."""
MIN_PICTURES = 0.9
"""Share of equal picture bits of a copy. Of different clips about half are equal; of one speaker's, up to 0.9."""
MIN_SOUND = 0.95
"""Correlation of the levels (dB) of a copy."""
QUIETEST_DB = -80.0


class Fingerprint:
    """Describes a clip of ``count`` frames as they pass."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._wanted = {(2 * k + 1) * count // (2 * FRAMES) for k in range(FRAMES)}
        self._bits: list[ndarray] = []
        self._number = 0

    def add(self, frame: UInt8[ndarray, "R R 3"]) -> None:
        """See the next prepared frame."""
        if self._number in self._wanted:
            self._bits.append(_gradients(frame))
        self._number += 1

    def text(self, audio: Waveform) -> str:
        """Frames, picture bits and sound levels, as plain text for the journal."""
        bits = np.packbits(np.concatenate(self._bits)).tobytes()
        return f"{self._count}:{bits.hex()}:{_levels(audio).tobytes().hex()}"


def find_duplicates(fingerprints: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """For every clip that copies another: the first of them in the order of ids, and the share of equal picture bits.

    Args:
        fingerprints: of every clip, by id.
    """
    parsed = {name: _parse(text) for name, text in sorted(fingerprints.items())}
    by_length: dict[int, list[str]] = {}
    copies: dict[str, tuple[str, float]] = {}
    for name, (count, bits, levels) in parsed.items():
        near = range(count - MAX_LENGTH_CHANGE, count + MAX_LENGTH_CHANGE + 1)
        others = sorted(other for length in near for other in by_length.get(length, ()))
        if others:
            rows = np.stack([parsed[other][1] for other in others])
            if rows.shape[1] == len(bits):
                equal = (rows == bits).mean(axis=1)
                for index in np.flatnonzero(equal >= MIN_PICTURES):
                    if _correlation(levels, parsed[others[index]][2]) >= MIN_SOUND:
                        copies[name] = (others[index], round(float(equal[index]), 4))
                        break
        if name not in copies:
            by_length.setdefault(count, []).append(name)
    return copies


def _gradients(frame: ndarray) -> ndarray:
    """Difference hash: whether the luma rises from each of 8 x 8 places to the next on its right."""
    luma = cv2.cvtColor(cv2.resize(frame, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.int16)
    return (luma[:, 1:] > luma[:, :-1]).reshape(-1)


def _levels(audio: Waveform) -> ndarray:
    power = [np.mean(np.square(part, dtype=np.float64)) for part in np.array_split(audio, BINS)]
    decibels = 10 * np.log10(np.maximum(power, 10 ** (QUIETEST_DB / 10)))
    return np.clip(np.rint(-2 * decibels), 0, 255).astype(np.uint8)


def _parse(text: str) -> tuple[int, ndarray, ndarray]:
    count, bits, levels = text.split(":")
    return (
        int(count),
        np.unpackbits(np.frombuffer(bytes.fromhex(bits), np.uint8)),
        np.frombuffer(bytes.fromhex(levels), np.uint8).astype(np.float64),
    )


def _correlation(a: ndarray, b: ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm else 0.0
