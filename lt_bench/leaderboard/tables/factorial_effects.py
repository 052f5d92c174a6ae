"""Factorial effects of a complete grid: what each fusion of the portrait and of the audio does, and their interaction.

With y(p, a) the score of cell (portrait p, audio a), the main effect of p is the mean over a of y(p, a), less the mean
over all cells; the interaction of a cell is what both main effects leave. Portraits that were not run with every audio
stand aside. Cells that were not measured alike, on fewer clips or by another detector, make no effects. Where all cells
have the same seeds, at least two, each effect is one number a seed and video, and its standard error is clustered by
identity and by seed (``lt_bench.evaluation.statistics.two_way``); scores of a whole set have one number a seed. With
one seed, intervals and tests are those of the paired comparison, clustered by identity: they describe these trained
models, not the cells. Holm-corrected over all effects of the score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.evaluation.statistics.cluster import UndefinedError, holm, paired_difference
from lt_bench.evaluation.statistics.two_way import two_way_mean
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.fusion_grid import Grid
from lt_bench.leaderboard.tables.ranking import contenders, with_value
from lt_bench.leaderboard.tables.rows import Row

Kind = Literal["portrait", "audio", "interaction"]
Contrast = tuple[Kind, str, Float[ndarray, "seeds videos"]]
Values = Float[ndarray, "portraits audios seeds videos"]


@dataclass(frozen=True)
class Effect:
    """One effect, in the score's unit, against the mean of all cells."""

    kind: Kind
    level: str
    """The fusion, or both of a cell joined by a hyphen."""
    value: float
    low: float | None
    high: float | None
    p_value: float | None
    """Holm-corrected; None for numbers that never vary over several seeds, such as parameters, which test nothing."""
    detectable: float | None
    """Size that would be found at 5%, not corrected, with a probability of 80%; None with one seed or no test."""


def factorial_effects(board: Board, grid: Grid, name: str) -> tuple[Effect, ...]:
    """The effects on one score, portrait's first.

    None without two complete lines and two columns of values, or where cells are not measured alike (``unlike_cells``).
    """
    lines = _complete_lines(grid, name)
    if board.reference is None or not lines or unlike_cells(board, grid, name):
        return ()
    found = _values([row for rows in lines.values() for row in rows], name)
    if found is None:
        return ()
    videos, y = found
    clusters = board.reference.clusters(videos) if videos else ["all"]
    return _tested(_contrasts(tuple(lines), grid.audios, y.reshape(len(lines), -1, *y.shape[1:])), clusters)


def unlike_cells(board: Board, grid: Grid, name: str) -> str:
    """Which cells of the complete lines have the score otherwise than the ranked ones, and why; empty for none."""
    ranked = [row.system for row in contenders(board.rows, name)]
    cells = [row for rows in _complete_lines(grid, name).values() for row in rows]
    apart = [row for row in with_value(cells, name) if row.system not in ranked]
    return "; ".join(f"{row.system}: {board.note(row, name) or 'measured otherwise'}" for row in apart)


def _complete_lines(grid: Grid, name: str) -> dict[str, list[Row]]:
    """Rows by portrait; none where fewer than two portraits were run with every audio, or there is one audio."""
    cells = next((score.cells for score in grid.scores if score.score.name == name), ())
    lines = {
        portrait: rows
        for portrait, line in zip(grid.portraits, cells, strict=bool(cells))
        if len(rows := [cell.row for cell in line if cell.row is not None]) == len(grid.audios)
    }
    return lines if min(len(lines), len(grid.audios)) > 1 else {}


def _contrasts(portraits: tuple[str, ...], audios: tuple[str, ...], y: Values) -> list[Contrast]:
    mean, by_portrait, by_audio = y.mean((0, 1)), y.mean(1), y.mean(0)
    contrasts: list[Contrast] = []
    contrasts.extend(("portrait", level, by_portrait[k] - mean) for k, level in enumerate(portraits))
    contrasts.extend(("audio", level, by_audio[k] - mean) for k, level in enumerate(audios))
    contrasts.extend(
        ("interaction", f"{p}-{a}", y[i, j] - by_portrait[i] - by_audio[j] + mean)
        for i, p in enumerate(portraits)
        for j, a in enumerate(audios)
    )
    return contrasts


def _values(rows: list[Row], name: str) -> tuple[list[str], Float[ndarray, "cells seeds videos"]] | None:
    """Of the seeds and videos that all cells have; no videos for a score of a whole set."""
    tables = [{r.seed: r.scores[name] for r in row.results if name in r.scores} for row in rows]
    tables = [{seed: score for seed, score in table.items() if score.value is not None} for table in tables]
    seeds = [seed for seed in tables[0] if all(seed in table for table in tables)]
    scores = [[table[seed] for seed in seeds] for table in tables]
    flat = [score for line in scores for score in line]
    if not flat:
        return None
    videos = [video for video in flat[0].per_video if all(video in score.per_video for score in flat)]
    if len(videos) > 1:
        return videos, np.array([[[score.per_video[v] for v in videos] for score in line] for line in scores])
    if len(seeds) > 1 and not flat[0].per_video:
        return [], np.array([[[score.value] for score in line] for line in scores], float)
    return None


def _tested(contrasts: list[Contrast], clusters: list[str]) -> tuple[Effect, ...]:
    effects = [_effect(*contrast, clusters) for contrast in contrasts]
    corrected = iter(holm([effect.p_value for effect in effects if effect.p_value is not None]))
    return tuple(effect if effect.p_value is None else replace(effect, p_value=next(corrected)) for effect in effects)


def _effect(kind: Kind, level: str, gap: Float[ndarray, "seeds videos"], clusters: list[str]) -> Effect:
    if len(gap) > 1:
        try:
            mean = two_way_mean(gap, clusters)
        except UndefinedError:
            return Effect(kind, level, float(gap.mean()), None, None, None, None)
        return Effect(kind, level, mean.value, mean.low, mean.high, mean.p_value, mean.detectable)
    found = paired_difference(gap[0], np.zeros_like(gap[0]), clusters)
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return Effect(kind, level, found.value, low, high, found.p_value, None)
