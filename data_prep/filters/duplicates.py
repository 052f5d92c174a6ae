"""Short descriptions of a clip's pictures and sound, by which duplicates are found.

Two clips are the same when their pictures and their sound agree: speakers in front of one wall look alike from clip to
clip, and one soundtrack may lie under two pictures, but both at once is a copy. Copies may differ in compression,
brightness and size, not in their beginning and end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
    kept: dict[tuple[int, int], _SameLength] = {}
    copies: dict[str, tuple[str, float]] = {}
    for name, text in sorted(fingerprints.items()):
        count, words, levels = _parse(text)
        near = ((length, len(words)) for length in range(count - MAX_LENGTH_CHANGE, count + MAX_LENGTH_CHANGE + 1))
        alike = sorted((one for key in near if key in kept for one in kept[key].alike(words)), key=lambda one: one[0])
        original = next((one for one in alike if _correlation(levels, one[2]) >= MIN_SOUND), None)
        if original is None:
            kept.setdefault((count, len(words)), _SameLength(len(words))).add(name, words, levels)
        else:
            copies[name] = original[0], round(original[1], 4)
    return copies


class _SameLength:
    """Fingerprints of one length; their bits in one array, a row a word, which grows by doubling."""

    def __init__(self, words: int) -> None:
        self._names: list[str] = []
        self._levels: list[ndarray] = []
        self._words = np.empty((words, 16), np.uint64)

    def add(self, name: str, words: ndarray, levels: ndarray) -> None:
        if len(self._names) == self._words.shape[1]:
            self._words = np.concatenate([self._words, np.empty_like(self._words)], axis=1)
        self._words[:, len(self._names)] = words
        self._names.append(name)
        self._levels.append(levels)

    def alike(self, words: ndarray) -> Iterator[tuple[str, float, ndarray]]:
        """Name, share of equal bits and sound levels of those whose pictures agree."""
        differ = np.zeros(len(self._names), np.uint16)
        for stored, word in zip(self._words[:, : len(differ)], words, strict=True):
            differ += np.bitwise_count(stored ^ word)
        equal = 1 - differ / (64 * len(words))
        for index in np.flatnonzero(equal >= MIN_PICTURES):
            yield self._names[index], float(equal[index]), self._levels[index]


def _gradients(frame: ndarray) -> ndarray:
    """Difference hash: whether the luma rises from each of 8 x 8 places to the next on its right."""
    luma = cv2.cvtColor(cv2.resize(frame, (9, 8), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY).astype(np.int16)
    return (luma[:, 1:] > luma[:, :-1]).reshape(-1)


def _levels(audio: Waveform) -> ndarray:
    parts = [part.astype(np.float64) for part in np.array_split(audio, BINS)]
    power = [np.dot(part, part) / len(part) for part in parts]
    decibels = 10 * np.log10(np.maximum(power, 10 ** (QUIETEST_DB / 10)))
    return np.clip(np.rint(-2 * decibels), 0, 255).astype(np.uint8)


def _parse(text: str) -> tuple[int, ndarray, ndarray]:
    """Frames, picture bits (64 to a word, one word a described frame) and sound levels."""
    count, bits, levels = text.split(":")
    return (
        int(count),
        np.frombuffer(bytes.fromhex(bits), np.uint64),
        np.frombuffer(bytes.fromhex(levels), np.uint8).astype(np.float64),
    )


def _correlation(a: ndarray, b: ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm else 0.0
