"""The page: an HTML file from the tables' rows, plots and videos; it needs nothing but itself and videos beside it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

import lt_bench
from lt_bench.leaderboard.formats.numbers import short_number
from lt_bench.leaderboard.page.attachments import Attachments
from lt_bench.leaderboard.page.charts import Chart, build_charts
from lt_bench.leaderboard.page.published_scores import CAVEAT, SCORES, drifts, load_published
from lt_bench.leaderboard.page.video_samples import BARS, Samples, collect_samples
from lt_bench.leaderboard.tables.boards import Board
from lt_bench.leaderboard.tables.columns.column import Column
from lt_bench.leaderboard.tables.columns.column_list import columns_of
from lt_bench.leaderboard.tables.columns.score_columns import arrow
from lt_bench.leaderboard.tables.descriptions import (
    board_facts,
    is_held_out,
    is_synthetic,
    provenance,
    verdict_sentences,
)
from lt_bench.leaderboard.tables.fusion_grid import Grid, build_grid

COLOURS = 10
PAGE_WIDTH = 1180
"""Room for a row of videos on a wide screen, in CSS pixels."""
MAIN_COLUMNS = 5
"""Scores that a table shows before the reader asks for all."""


@dataclass(frozen=True)
class View:
    """One table with all that belongs to it, ready to be laid out."""

    number: int
    board: Board
    colours: dict[str, int]
    columns: tuple[Column, ...]
    """Columns of the table after the system's name."""
    scores: tuple[Column, ...]
    """Those of scores, the headline first."""
    main: tuple[str, ...]
    """Keys of the scores that are shown at first."""
    facts: tuple[tuple[str, str], ...]
    sentences: tuple[str, ...]
    grid: Grid | None
    samples: Samples
    tile: int
    """Width of a video at first, in CSS pixels."""
    charts: tuple[Chart, ...]
    files: tuple[dict[str, str], ...]
    synthetic: bool
    held_out: bool


def render_page(
    boards: Sequence[Board], title: str, samples: int = 6, *, folder: Path | None = None, published: bool = False
) -> str:
    """The page as HTML text; every name in it is escaped.

    Args:
        boards: the tables, the first the main one.
        title: heading of the page.
        samples: clips shown side by side, of each table.
        folder: where the page will lie, for links to result files and configurations, and for videos that are too many
            to be inside; None for a page that holds everything.
        published: show scores as papers printed them, apart from the tables.
    """
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": short_number, "breakable": _breakable}
    environment.globals |= {"arrow": arrow, "bars": BARS}
    rows = load_published() if published else ()
    colours, attachments = _colours(boards), Attachments(folder)
    views = [_view(number, board, colours, samples, attachments) for number, board in enumerate(boards, 1)]
    attachments.prune()
    return environment.get_template("page.html").render(
        title=title,
        views=views,
        css=Markup(_read("page.css")),
        script=Markup(_read("page.js")),
        version=lt_bench.__version__,
        made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        as_json=_as_json,
        published=rows,
        published_scores=SCORES,
        drifts=drifts(rows),
        caveat=CAVEAT,
    )


def _read(name: str) -> str:
    return resources.files("lt_bench.leaderboard.page").joinpath("template", name).read_text(encoding="utf-8")


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after each of its underscores; escaped."""
    return Markup("_<wbr>").join(name.split("_"))


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _colours(boards: Sequence[Board]) -> dict[str, int]:
    # A system keeps its colour when another overtakes it: colours follow names, not ranks.
    names = sorted({row.system for board in boards for row in board.rows})
    return {name: number % COLOURS for number, name in enumerate(names)}


def _view(number: int, board: Board, colours: dict[str, int], samples: int, attachments: Attachments) -> View:
    columns = columns_of(board, "page")
    scores = tuple(column for column in columns if column.score)
    shown = collect_samples(board, colours, samples, attachments)
    return View(
        number=number,
        board=board,
        colours=colours,
        columns=columns,
        scores=scores,
        main=tuple(column.key for column in scores if column.has_value(board))[:MAIN_COLUMNS],
        facts=board_facts(board),
        sentences=verdict_sentences(board),
        grid=build_grid(board),
        samples=shown,
        tile=_tile_width(shown),
        charts=build_charts(board, columns, colours),
        files=provenance(board, attachments.folder or Path()),
        synthetic=is_synthetic(board),
        held_out=is_held_out(board),
    )


def _tile_width(samples: Samples) -> int:
    tiles = max((len(sample.tiles) for sample in samples.shown), default=1)
    return min(240, max(150, PAGE_WIDTH // tiles - 14))
