"""The stages of a preparation, and the rules by which a clip is rejected at one of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from lt_bench.errors import LtBenchError

STAGES = MappingProxyType(
    {
        "list": "which clips there are",
        "fetch": "their videos are here",
        "split": "videos are cut into scenes, one clip each",
        "audio": "25 fps, 16 kHz mono; speech is found",
        "faces": "landmarks in every frame, tracks, one crop",
        "quality": "sharpness, brightness, lips in time with the voice",
        "encode": "latents and audio features are written",
        "index": "duplicates are dropped, the index is written",
        "splits": "identities are disjoint",
        "statistics": "features of the real sets",
        "verify": "every byte is read again",
    }
)
"""In the order in which a clip goes through them."""


@dataclass(frozen=True)
class Rule:
    """Why a clip is not used."""

    name: str
    stage: str
    """One of ``STAGES``."""
    title: str
    measures: str = ""
    """What the number that comes with a rejection is, with its unit."""


_ALL = (
    Rule("unlisted", "list", "The data set's own list is not usable for it"),
    Rule("not_video", "list", "In the folder, but no video"),
    Rule("stray", "list", "A video in the folder of which no clip is taken"),
    Rule("unavailable", "fetch", "The video is not here or cannot be downloaded"),
    Rule("unreadable", "split", "The video is damaged or cut"),
    Rule("colour", "split", "High dynamic range, a wide gamut or transparency, to be converted first"),
    Rule("short", "split", "Too short", "seconds"),
    Rule("no_sound", "audio", "No sound"),
    Rule("silence", "audio", "Silence", "loudness, dB of full scale"),
    Rule("no_speech", "audio", "No speech, or too little", "share of the time with speech"),
    Rule("no_face", "faces", "No face"),
    Rule("face_time", "faces", "Too little face time", "share of the frames with the face"),
    Rule("small_face", "faces", "Face too small", "median height of the face, pixels of the source"),
    Rule("two_faces", "faces", "Two faces", "share of the frames with a second face"),
    Rule("two_people", "faces", "Not one person from start to end", "distance of the face's descriptors"),
    Rule("travel", "faces", "The face leaves its place", "extent of the movement, face sizes"),
    Rule("crop", "faces", "No crop by the chosen method"),
    Rule("border", "faces", "The face reaches beyond the picture", "share of the crop beyond the picture"),
    Rule("offset", "quality", "Lips and voice are not in time", "lips late (+) or early (-), frames"),
    Rule("blur", "quality", "Blurred", "median variance of the Laplacian"),
    Rule("dark", "quality", "Too dark", "mean luma, 0..255"),
    Rule("lost", "encode", "The process that prepared it died each time"),
    Rule("duplicate", "index", "The same as another clip", "agreement of the pictures, 0..1"),
)
REJECTION_RULES = MappingProxyType({rule.name: rule for rule in _ALL})


class RejectionError(LtBenchError):
    """A clip falls under a rule."""

    def __init__(self, rule: str, text: str, value: float | None = None, limit: float | None = None) -> None:
        super().__init__(text)
        self.rule = REJECTION_RULES[rule]
        self.value = value
        """The number measured, None where the rule has none."""
        self.limit = limit
        """The threshold that it did not keep."""
