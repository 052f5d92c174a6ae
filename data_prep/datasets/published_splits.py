"""Published splits: which videos of a data set without an official split we train, validate and test on.

A manifest lists every source video with its identity and split, and carries a hash, so that two papers can say that
they used the same one. ``experiments/splits/publish.py`` makes it from the data set's own lists by ``splits``' rule.
Every clip follows its source video.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from data_prep.datasets.splits import RULE, SplitRule, group_names, split_identities
from lt_bench.config import parse_config, to_dict
from lt_bench.conventions import Split
from lt_bench.errors import CacheError, ConfigError
from lt_bench.files import read_json, sha256_json

FORMAT = "lt_bench splits"
VERSION = 1
FOLDER = Path(__file__).with_name("published")


@dataclass(frozen=True)
class PublishedVideo:
    """One source video."""

    name: str
    """As the data set's list has it, such as ``WDA/JohnLewis0``."""
    identity: str
    video: str
    """Where it was published, such as a YouTube id; two names may share one."""
    split: Split


@dataclass(frozen=True)
class PublishedSplits:
    """The content of a manifest."""

    dataset: str
    rule: SplitRule
    note: str
    """What else decided, in words."""
    lists: dict[str, str]
    """SHA-256 of the lists that it was made from, by file name."""
    videos: tuple[PublishedVideo, ...]

    @property
    def hash(self) -> str:
        """SHA-256 over every video's name, identity, place and split."""
        return sha256_json(sorted([v.name, v.identity, v.video, v.split] for v in self.videos))

    def by_name(self) -> dict[str, PublishedVideo]:
        """The videos by their names."""
        return {video.name: video for video in self.videos}

    def identities(self) -> dict[str, Split]:
        """The split of every identity."""
        return {video.identity: video.split for video in self.videos}

    def document(self) -> dict[str, Any]:
        """The manifest as JSON."""
        return {"format": FORMAT, "version": VERSION, "hash": self.hash, **to_dict(self)}


def assign(videos: Sequence[tuple[str, str, str]], pinned: Mapping[str, Split]) -> tuple[PublishedVideo, ...]:
    """Give every video (name, identity, place) a split; identities that share a place are one, by the first name.

    Args:
        videos: of the whole data set.
        pinned: splits of identities that the rule does not decide.
    """
    at: dict[str, list[str]] = {}
    for _, identity, place in videos:
        at.setdefault(place, []).append(identity)
    groups = group_names([identity for _, identity, _ in videos], at.values())
    first = {name: group[0] for group in groups for name in group}
    splits = split_identities(first, at.values(), pinned, RULE)
    return tuple(PublishedVideo(name, first[who], place, splits[who]) for name, who, place in sorted(videos))


@cache
def published(dataset: str) -> PublishedSplits:
    """Our published splits of a data set, such as ``hdtf``.

    Raises:
        ConfigError: none are published.
    """
    path = FOLDER / f"{dataset}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.json")))
        raise ConfigError(f"splits: expected a data set with published splits ({known}), got '{dataset}'")
    return read_splits(path)


def read_splits(path: str | os.PathLike[str]) -> PublishedSplits:
    """Read a manifest of splits.

    Raises:
        CacheError: another format or version, a wrong key, or a hash that does not fit.
    """
    document = read_json(path)
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
        raise CacheError(f"{path}: expected format '{FORMAT}', version {VERSION}, got something else")
    try:
        kept = {key: value for key, value in document.items() if key not in ("format", "version", "hash")}
        found = parse_config(PublishedSplits, kept, str(path))
    except ConfigError as error:
        raise CacheError(str(error)) from None
    if found.hash != document.get("hash"):
        raise CacheError(f"{path}: key 'hash': expected {found.hash[:16]}.., got {str(document.get('hash'))[:16]}..")
    return found


def splits_text(splits: PublishedSplits) -> str:
    """The manifest as text, a video a line, so that a change can be read in a diff."""
    document = splits.document()
    videos = ",\n  ".join(json.dumps(video, ensure_ascii=False) for video in document.pop("videos"))
    head = json.dumps(document, indent=1, ensure_ascii=False)[:-2]
    return f'{head},\n "videos": [\n  {videos}\n ]\n}}\n'
