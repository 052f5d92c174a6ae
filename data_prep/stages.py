"""The stages of a preparation in their order, with the rules by which each rejects a clip.

``PIPELINE`` is the only place that states the order. The extractor runs the stages of a clip as they stand there; plan,
status, report and measured costs read names, texts and rules from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType


class Scope(Enum):
    """What a stage works on."""

    SOURCE = "source"
    """An entry of the data set's list, before its video is opened."""
    CLIP = "clip"
    """A clip, in a worker process."""
    INDEX = "index"
    """All prepared clips together; each is kept or rejected."""
    CACHE = "cache"
    """The finished cache; nothing is rejected any more."""


@dataclass(frozen=True)
class Rule:
    """A reason for which a clip is not used."""

    name: str
    title: str
    measures: str = ""
    """The number that comes with a rejection, with its unit; empty where the rule has none."""


@dataclass(frozen=True)
class Stage:
    """A step on the way from a data set's list to a verified cache."""

    name: str
    title: str
    scope: Scope
    inputs: tuple[str, ...] = ()
    """Names of the stages whose results it reads; all of them come before it."""
    rules: tuple[Rule, ...] = ()
    """Rules by which it rejects a clip."""
    cost: str = ""
    """Name under which ``--plan`` reports its CPU time; empty where none is measured."""


def ordered(*stages: Stage) -> tuple[Stage, ...]:
    """Check that every stage comes after its inputs, and return the stages.

    Raises:
        ValueError: a stage reads what is made later or by no stage, or a name of a stage or rule occurs twice.
    """
    known: set[str] = set()
    rules: set[str] = set()
    for stage in stages:
        late = [name for name in stage.inputs if name not in known]
        if late:
            raise ValueError(f"stage {stage.name}: expected its input {late[0]} at an earlier stage, got none")
        names = {rule.name for rule in stage.rules}
        if stage.name in known or names & rules or len(names) < len(stage.rules):
            raise ValueError(f"stage {stage.name}: expected new names of stage and rules, got one again")
        known.add(stage.name)
        rules |= names
    return stages


PIPELINE = ordered(
    Stage(
        "list",
        "which clips there are",
        Scope.SOURCE,
        rules=(
            Rule("unlisted", "The data set's own list is not usable for it"),
            Rule("not_video", "In the folder, but no video"),
            Rule("stray", "A video in the folder of which no clip is taken"),
        ),
    ),
    Stage(
        "fetch",
        "their videos are here",
        Scope.SOURCE,
        inputs=("list",),
        rules=(Rule("unavailable", "The video is not here or cannot be downloaded"),),
    ),
    Stage(
        "split",
        "videos are cut into scenes, one clip each",
        Scope.CLIP,
        inputs=("fetch",),
        rules=(
            Rule("unreadable", "The video is damaged or cut"),
            Rule("colour", "High dynamic range, a wide gamut or transparency, to be converted first"),
            Rule("short", "Too short", "seconds"),
        ),
        cost="faces",  # landmarks are found in the pass over the frames that finds the scenes
    ),
    Stage(
        "audio",
        "25 fps, 16 kHz mono; speech is found",
        Scope.CLIP,
        inputs=("split",),
        rules=(
            Rule("no_sound", "No sound"),
            Rule("silence", "Silence", "loudness, dB of full scale"),
            Rule("no_speech", "No speech, or too little", "share of the time with speech"),
        ),
        cost="audio",
    ),
    Stage(
        "faces",
        "landmarks in every frame, tracks, one crop",
        Scope.CLIP,
        inputs=("split",),
        rules=(
            Rule("no_face", "No face"),
            Rule("face_time", "Too little face time", "share of the frames with the face"),
            Rule("small_face", "Face too small", "median height of the face, pixels of the source"),
            Rule("two_faces", "Two faces", "share of the frames with a second face"),
            Rule("two_people", "Not one person from start to end", "distance of the face's descriptors"),
            Rule("travel", "The face leaves its place", "extent of the movement, face sizes"),
            Rule("crop", "No crop by the chosen method"),
            Rule("border", "The face reaches beyond the picture", "share of the crop beyond the picture"),
        ),
        cost="faces",
    ),
    Stage(
        "quality",
        "sharpness, brightness, lips in time with the voice",
        Scope.CLIP,
        inputs=("audio", "faces"),
        rules=(
            Rule("offset", "Lips and voice are not in time", "lips late (+) or early (-), frames"),
            Rule("blur", "Blurred", "median variance of the Laplacian"),
            Rule("dark", "Too dark", "mean luma, 0..255"),
        ),
        cost="audio",
    ),
    Stage(
        "encode",
        "latents and audio features are written",
        Scope.CLIP,
        inputs=("audio", "faces", "quality"),
        rules=(Rule("lost", "The process that prepared it died each time"),),
        cost="encode",
    ),
    Stage(
        "index",
        "duplicates are dropped, the index is written",
        Scope.INDEX,
        inputs=("encode",),
        rules=(Rule("duplicate", "The same as another clip", "agreement of the pictures, 0..1"),),
    ),
    Stage("splits", "identities are disjoint", Scope.CACHE, inputs=("list", "index")),
    Stage("statistics", "features of the real sets", Scope.CACHE, inputs=("splits",)),
    Stage("verify", "every byte is read again", Scope.CACHE, inputs=("index",)),
)
"""All stages, in the order in which a clip goes through them."""

STAGES = MappingProxyType({stage.name: stage for stage in PIPELINE})
"""The stages by name, in their order."""
REJECTION_RULES = MappingProxyType({rule.name: rule for stage in PIPELINE for rule in stage.rules})
"""The rules by name, in the order of their stages."""
_STAGE_OF = MappingProxyType({rule.name: stage for stage in PIPELINE for rule in stage.rules})


def stage_of(rule: str) -> Stage:
    """Return the stage at which a rule, given by its name, rejects clips."""
    return _STAGE_OF[rule]


def last(scope: Scope, stages: Sequence[Stage] = PIPELINE) -> Stage:
    """Return the last stage of a scope."""
    return next(stage for stage in reversed(stages) if stage.scope is scope)
