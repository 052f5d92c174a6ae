"""Export of a result as a CSV with one row per video and score."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator

from lt_bench.evaluation.results.result_file import Result
from lt_bench.files import write_text

COLUMNS = ("system", "clip", "identity", "frames", "score", "value", "unit", "better", "reason", "fault")


def save_csv(result: Result, path: str | os.PathLike[str]) -> None:
    """Write one row per video and score, misses with reason and fault and no value; whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(result))
    write_text(path, text.getvalue())


def rows(result: Result) -> Iterator[tuple[object, ...]]:
    """Rows of ``COLUMNS``: every clip with every score of videos, in order of clips."""
    misses = {(miss.clip, miss.score): miss for miss in result.misses}
    scores = [score for score in result.scores.values() if score.scope == "video"]
    for clip in result.clips:
        for score in scores:
            value = score.per_video.get(clip.id)
            better = {True: "higher", False: "lower", None: ""}[score.higher_is_better]
            head = (result.system, clip.id, clip.identity, clip.frames, score.name)
            if value is not None:
                yield (*head, repr(value), score.unit, better, "", "")
                continue
            miss = misses.get((clip.id, score.name)) or misses.get((clip.id, None))
            yield (*head, "", score.unit, better, miss.reason if miss else score.missing, miss.fault if miss else "")
