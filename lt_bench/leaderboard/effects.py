"""Factorial effects of a complete grid: what each fusion of the portrait and of the audio does, and their interaction.

With y(p, a, v) the score of video v in cell (portrait p, audio a), averaged over seeds, the main effect of p is the
mean over a of y(p, a, v), less the mean over all cells; the interaction of a cell is what both main effects leave. Each
is one number a video, so intervals and tests are those of the paired comparison: clustered by identity, Holm-corrected
over all effects of the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.statistics import holm, paired_difference
from lt_bench.leaderboard.boards import Board
from lt_bench.leaderboard.grid import Grid, GridScore

Kind = Literal["portrait", "audio", "interaction"]


@dataclass(frozen=True)
class Effect:
    """One effect, in the score's unit, against the mean of all cells."""

    kind: Kind
    level: str
    """The fusion, or both of a cell joined by a hyphen."""
    value: float
    low: float | None
    high: float | None
    p_value: float
    """Holm-corrected."""


def factorial_effects(board: Board, grid: Grid, name: str) -> tuple[Effect, ...]:
    """The effects on one score, portrait's first; none where the grid has holes or one line, or no values a video."""
    cells = next((score for score in grid.scores if score.score.name == name), None)
    if cells is None or board.reference is None or min(len(grid.portraits), len(grid.audios)) < 2:
        return ()
    found = _values(cells)
    if found is None:
        return ()
    videos, y = found
    clusters = board.reference.clusters(videos)
    mean, by_portrait, by_audio = y.mean((0, 1)), y.mean(1), y.mean(0)
    contrasts: list[tuple[Kind, str, Float[ndarray, " videos"]]] = []
    contrasts.extend(("portrait", level, by_portrait[k] - mean) for k, level in enumerate(grid.portraits))
    contrasts.extend(("audio", level, by_audio[k] - mean) for k, level in enumerate(grid.audios))
    contrasts.extend(
        ("interaction", f"{p}-{a}", y[i, j] - by_portrait[i] - by_audio[j] + mean)
        for i, p in enumerate(grid.portraits)
        for j, a in enumerate(grid.audios)
    )
    return _tested(contrasts, clusters)


def _values(cells: GridScore) -> tuple[list[str], Float[ndarray, "portraits audios videos"]] | None:
    rows = [[cell.row for cell in line] for line in cells.cells]
    name, tables = cells.score.name, []
    for row in (row for line in rows for row in line):
        if row is None or name not in row.scores or not row.scores[name].per_video:
            return None
        tables.append(row.scores[name].per_video)
    videos = [video for video in tables[0] if all(video in table for table in tables)]
    if len(videos) < 2:
        return None
    y = np.array([[table[video] for video in videos] for table in tables])
    return videos, y.reshape(len(rows), len(rows[0]), len(videos))


def _tested(contrasts: list[tuple[Kind, str, Float[ndarray, " videos"]]], clusters: list[str]) -> tuple[Effect, ...]:
    effects = []
    for kind, level, gap in contrasts:
        found = paired_difference(gap, np.zeros_like(gap), clusters)
        low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
        effects.append(Effect(kind, level, found.value, low, high, found.p_value))
    corrected = holm([effect.p_value for effect in effects])
    return tuple(replace(effect, p_value=p) for effect, p in zip(effects, corrected, strict=True))
