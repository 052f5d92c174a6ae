"""How far a preparation is: the stage of each clip, read from what is on disk; nothing is written, nothing locked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.datasets.jobs import Source
from data_prep.datasets.registry import list_source
from data_prep.encoding.verification import is_verified
from data_prep.outcome import Rejected, finished_jobs
from data_prep.stages import PIPELINE, Scope, last, stage_of
from lt_bench.config import DataConfig, parse_config
from lt_bench.data.cache import LatentCache
from lt_bench.data.format import INDEX_FILE, JOURNAL_FILE, REJECTED_FILE
from lt_bench.files import read_json

WAITING, WHOLE, REJECTED = "waiting", "whole", "rejected"


@dataclass(frozen=True)
class ClipState:
    """Where a clip, or a job whose clips are not known yet, stands."""

    id: str
    source: str
    state: str
    """waiting, whole or rejected."""
    stage: str
    """The last stage that it passed, or the one that rejected it."""
    reason: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Status:
    """A preparation as it stands."""

    clips: tuple[ClipState, ...]
    complete: bool
    """Whether the index is written."""
    verified: bool

    def stages(self) -> list[dict[str, Any]]:
        """For each stage how many clips passed it, were rejected there, and still wait for it."""
        place = {stage.name: number for number, stage in enumerate(PIPELINE)}
        rejected = Counter(clip.stage for clip in self.clips if clip.state == REJECTED)
        rows = []
        for at, stage in enumerate(PIPELINE):
            if stage.scope is Scope.CACHE:
                over = self.verified if stage is last(Scope.CACHE) else self.complete
                kept = sum(clip.state == WHOLE for clip in self.clips)
                passed, waiting = (kept, 0) if over else (0, kept)
            else:
                passed = sum(place[clip.stage] + (clip.state != REJECTED) > at for clip in self.clips)
                waiting = sum(place[clip.stage] < at and clip.state != REJECTED for clip in self.clips)
            rows.append({"stage": stage.name, "passed": passed, "rejected": rejected[stage.name], "waiting": waiting})
        return rows


def status(config: DataConfig) -> Status:
    """Look at the sources and the cache's folder.

    Raises:
        LtBenchError: the list or a file of the cache cannot be read.
    """
    source, path = list_source(config), Path(config.cache)
    if (path / INDEX_FILE).is_file():
        cache = LatentCache.open(path)
        rejected = [parse_config(Rejected, item, REJECTED_FILE) for item in read_json(path / REJECTED_FILE)]
        whole = [ClipState(r.id, r.source, WHOLE, last(Scope.INDEX).name) for r in cache.records()]
        return Status(_sorted([*whole, *map(_refused, rejected)]), True, is_verified(cache))
    return Status(_sorted(_unfinished(source, path / JOURNAL_FILE)), False, False)


def _unfinished(source: Source, journal: Path) -> list[ClipState]:
    whole: dict[str, ClipState] = {}
    rejected = {clip.id: _refused(clip) for clip in source.missing}
    extras = []
    for line in journal.read_bytes().splitlines(keepends=True) if journal.is_file() else ():
        if not line.endswith(b"\n"):
            break
        entry = json.loads(line)
        if "rejected" in entry:
            clip = parse_config(Rejected, entry["rejected"], str(journal))
            rejected[clip.id] = _refused(clip)
            extras.append(entry["rejected"])
        else:
            row = entry["row"]
            whole[row["id"]] = ClipState(row["id"], row["source"], WHOLE, last(Scope.CLIP).name)
            extras.append(entry["extra"])
    over = finished_jobs(extras)
    fetched = last(Scope.SOURCE).name
    waiting = [ClipState(job.id, job.source, WAITING, fetched) for job in source.jobs if job.id not in over]
    return [*{**whole, **rejected}.values(), *waiting]


def _refused(clip: Rejected) -> ClipState:
    return ClipState(clip.id, clip.source, REJECTED, stage_of(clip.rule).name, clip.reason, clip.rule)


def _sorted(clips: list[ClipState]) -> tuple[ClipState, ...]:
    return tuple(sorted(clips, key=lambda clip: clip.id))
