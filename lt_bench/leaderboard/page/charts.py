"""The plots of a table: every main score with its interval, training losses, and score against cost."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lt_bench.evaluation.results.result_file import Score
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.page.parallel_coordinates import Dimension, parallel_plot
from lt_bench.leaderboard.page.plots import Dot, Line, Point, Reference, dot_plot, line_plot, scatter_plot
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import Column
from lt_bench.leaderboard.tables.factorial_effects import Effect, factorial_effects, unlike_cells
from lt_bench.leaderboard.tables.fusion_grid import build_grid
from lt_bench.leaderboard.tables.ranking import control_name, is_control
from lt_bench.leaderboard.tables.rows import Row
from lt_bench.leaderboard.tables.significance import SIGNIFICANCE

AXES = 6
"""Scores on the plot of trade-offs."""


@dataclass(frozen=True)
class Chart:
    """A plot and what it says."""

    title: str
    caption: str
    svg: Markup
    systems: tuple[str, ...] = ()
    """Systems that need a legend."""


def build_charts(board: Board, columns: Sequence[Column], colours: dict[str, int]) -> tuple[Chart, ...]:
    """Draw all plots that the results have values for; ``columns`` are those that the table shows."""
    scores = [column.score for column in columns if column.score]
    dots = [_dots(board, score, colours) for score in scores if _has_values(board, score.name)]
    curves = [_curves(board, colours)] if any(e.curve for row in board.rows for e in row.entries) else []
    costs = [_against(board, column, colours) for column in columns if column.plotted and board.headline]
    lines = [*_effects(board), *_parallel(board, scores, colours)]
    extra = (*lines, *curves, *(chart for chart in costs if chart is not None))
    return (*dots[:1], *extra, *dots[1:])


def _has_values(board: Board, name: str) -> bool:
    rows = [row for row in board.rows if name in row.scores]
    return any(row.scores[name].values for row in rows) and not is_control(name, rows[0])


def _effects(board: Board) -> list[Chart]:
    grid = build_grid(board)
    if grid is None or board.headline is None:
        return []
    if unlike := unlike_cells(board, grid, board.headline):
        return [Chart(f"Effects on {board.headline}", f"none: the cells are not measured alike: {unlike}", Markup(""))]
    found = factorial_effects(board, grid, board.headline)
    titles = {"portrait": "fusion of the portrait", "audio": "fusion of the audio", "interaction": "interaction"}
    charts = []
    for number, (kind, title) in enumerate(titles.items()):
        dots = [Dot(_effect_label(e), 3 * number, e.value, e.low, e.high) for e in found if e.kind == kind]
        if dots:
            clusters = "identity and seed" if any(e.detectable is not None for e in found) else "identity"
            caption = (
                f"against the mean of all cells; * p < 5%, Holm-corrected over all effects, clustered by {clusters}"
            )
            svg = dot_plot(f"effect on {board.headline}", dots, Reference(0.0, "no effect"))
            charts.append(Chart(f"Effect on {board.headline}: {title}", caption, svg))
    return charts


def _effect_label(effect: Effect) -> str:
    found = effect.p_value is not None and effect.p_value < SIGNIFICANCE
    return f"{effect.level}{' *' if found else ''}"


def _parallel(board: Board, scores: Sequence[Score], colours: dict[str, int]) -> list[Chart]:
    rows = [row for row in board.rows if row.results]
    axes = [
        Dimension(s.name, s.higher_is_better, tuple(_value(row, s.name) for row in rows))
        for s in scores
        if s.higher_is_better is not None and _has_values(board, s.name)
    ][:AXES]
    if len(rows) < 2 or len(axes) < 2:
        return []
    svg = parallel_plot("All systems", [(row.system, colours[row.system]) for row in rows], axes)
    caption = "a line a system; each axis from the worst to the best value there is, up is better"
    return [Chart("Trade-offs", caption, svg, tuple(row.system for row in rows))]


def _value(row: Row, name: str) -> float | None:
    return row.scores[name].value if name in row.scores else None


def _dots(board: Board, score: Score, colours: dict[str, int]) -> Chart:
    rows = [row for row in board.rows if row.results]
    controls = control_name(score.name)
    has_control = any(controls in row.scores for row in rows)
    reference = score.reference
    line = Reference(reference.value, reference.kind) if reference else None
    svg = dot_plot(score.name, [_dot(row, score.name, controls, colours) for row in rows], line)
    direction = {True: "higher is better", False: "lower is better", None: ""}[score.higher_is_better]
    if score.higher_is_better is None and score.target is not None:
        direction = f"best near {short_number(score.target)}"
    says = [score.title, score.unit if score.unit not in ("", "1") else "", direction]
    if has_control:
        says.append("hollow: the same videos against another utterance")
    if reference:
        says.append(f"dashed: {reference.kind}, {reference.note}")
    return Chart(f"{score.name}", " · ".join(part for part in says if part), svg)


def _dot(row: Row, name: str, controls: str, colours: dict[str, int]) -> Dot:
    summary, control = row.scores.get(name), row.scores.get(controls)
    if summary is None:
        return Dot(row.system, colours[row.system], None, missing="not in the file")
    return Dot(
        label=row.system,
        colour=colours[row.system],
        value=summary.value,
        low=summary.low,
        high=summary.high,
        seeds=summary.values,
        control=control.value if control else None,
        missing=summary.missing,
    )


def _curves(board: Board, colours: dict[str, int]) -> Chart:
    lines = [
        Line(f"{row.system}, seed {entry.seed}", colours[row.system], entry.curve)
        for row in board.rows
        for entry in row.entries
        if len(entry.curve) > 1
    ]
    systems = tuple(row.system for row in board.rows if any(len(entry.curve) > 1 for entry in row.entries))
    svg = line_plot("Training loss", lines, "step", "loss")
    return Chart("Training loss", "one line a seed; each point is the mean since the one before", svg, systems)


def _against(board: Board, column: Column, colours: dict[str, int]) -> Chart | None:
    """The headline score against the numbers of a column."""
    assert board.headline is not None
    points: list[Point] = []
    for row in board.rows:
        summary, value = row.scores.get(board.headline), column.cell(board, row).value
        if summary is not None and summary.value is not None and isinstance(value, (int, float)):
            points.append(Point(row.system, colours[row.system], value, summary.value))
    if len(points) < 2 or statistics.pstdev([p.x for p in points]) == 0:
        return None
    title = f"{board.headline} against {column.heading}"
    return Chart(title, "", scatter_plot(title, points, column.about, board.headline))
