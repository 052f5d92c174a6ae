"""The sounds of the babble: for each, what the vocal tract does and what the lips show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Articulation(NamedTuple):
    """The controls that voice and face share."""

    f1: float
    """First formant of a voice of neutral size, in Hz."""
    f2: float
    f3: float
    amplitude: float
    """Loudness, 0..1."""
    voicing: float
    """1 voiced, 0 whispered or hissed."""
    opening: float
    """Mouth opening, 0 closed .. 1 wide open."""
    width: float
    """Spreading of the lips, -1 pursed .. 1 spread."""
    rounding: float
    """Rounding of the lips, 0..1."""


@dataclass(frozen=True)
class Phoneme:
    """One sound: its articulation and how long it may last, in seconds."""

    articulation: Articulation
    shortest: float
    longest: float


@dataclass(frozen=True)
class PhonemeSpan:
    """One sound in a clip; seconds from the clip's start (the first may begin before it, the last end after it)."""

    name: str
    start: float
    end: float


SILENCE = "sil"
VOWELS = ("a", "ae", "e", "i", "y", "schwa", "o", "u")
CONSONANTS = ("m", "b", "n", "l", "w", "s", "sh", "f", "z")

PHONEMES: dict[str, Phoneme] = {
    SILENCE: Phoneme(Articulation(500, 1500, 2500, 0.00, 0.5, 0.03, 0.00, 0.00), 0.16, 0.40),
    "a": Phoneme(Articulation(780, 1250, 2550, 0.95, 1.0, 1.00, 0.05, 0.00), 0.11, 0.22),
    "ae": Phoneme(Articulation(680, 1720, 2450, 0.95, 1.0, 0.80, 0.50, 0.00), 0.10, 0.20),
    "e": Phoneme(Articulation(520, 1850, 2500, 0.90, 1.0, 0.52, 0.60, 0.00), 0.09, 0.18),
    "i": Phoneme(Articulation(290, 2280, 3000, 0.90, 1.0, 0.24, 1.00, 0.00), 0.09, 0.18),
    "y": Phoneme(Articulation(290, 1850, 2150, 0.95, 1.0, 0.17, -0.40, 0.90), 0.09, 0.18),
    "schwa": Phoneme(Articulation(500, 1450, 2500, 0.75, 1.0, 0.38, 0.00, 0.00), 0.06, 0.12),
    "o": Phoneme(Articulation(480, 880, 2450, 0.95, 1.0, 0.55, -0.30, 0.70), 0.10, 0.20),
    "u": Phoneme(Articulation(310, 800, 2250, 1.00, 1.0, 0.19, -0.50, 1.00), 0.10, 0.20),
    "m": Phoneme(Articulation(250, 1050, 2200, 0.70, 1.0, 0.00, 0.00, 0.00), 0.09, 0.14),
    "b": Phoneme(Articulation(200, 800, 2100, 0.20, 1.0, 0.00, -0.05, 0.00), 0.09, 0.12),
    "n": Phoneme(Articulation(260, 1650, 2650, 0.60, 1.0, 0.24, 0.20, 0.00), 0.06, 0.11),
    "l": Phoneme(Articulation(380, 1300, 2800, 0.65, 1.0, 0.40, 0.15, 0.00), 0.06, 0.11),
    "w": Phoneme(Articulation(300, 680, 2150, 0.80, 1.0, 0.12, -0.45, 0.95), 0.06, 0.10),
    "s": Phoneme(Articulation(350, 1700, 5600, 0.50, 0.0, 0.14, 0.55, 0.00), 0.09, 0.16),
    "sh": Phoneme(Articulation(350, 1600, 3100, 0.60, 0.0, 0.24, -0.35, 0.70), 0.09, 0.16),
    "f": Phoneme(Articulation(350, 1150, 7200, 0.16, 0.0, 0.05, 0.25, 0.00), 0.08, 0.13),
    "z": Phoneme(Articulation(300, 1650, 5400, 0.50, 0.6, 0.16, 0.50, 0.00), 0.07, 0.12),
}
