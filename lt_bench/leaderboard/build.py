"""From result files to a leaderboard: CSV, Markdown, LaTeX and the page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lt_bench.files import write_text
from lt_bench.leaderboard.formats.csv_markdown import to_csv, to_markdown
from lt_bench.leaderboard.formats.latex import to_latex
from lt_bench.leaderboard.page.render import render_page
from lt_bench.leaderboard.tables.boards import Board, build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.imputation import impute_worst


@dataclass(frozen=True)
class Leaderboard:
    """The tables, best system first, and the files they were written to."""

    boards: tuple[Board, ...]
    csv: Path
    markdown: Path
    latex: Path
    page: Path


def build_leaderboard(
    paths: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    title: str = "Leaderboard",
    *,
    samples: int = 6,
    real: Path | None = None,
    videos: Mapping[str, Path] | None = None,
    published: bool = False,
    impute: bool = False,
) -> Leaderboard:
    """Write ``leaderboard.csv``, ``.md``, ``.tex`` and ``index.html`` into ``out``.

    Args:
        paths: result files, and folders that hold them.
        out: folder of the leaderboard.
        title: heading of the page.
        samples: clips shown side by side.
        real: folder of the real set, for results that do not lie in a run's folder.
        videos: folders of videos by system, for the same.
        published: show scores as papers printed them on the page, apart from what was measured.
        impute: count clips that a system missed as the worst that any system has (``imputation``).

    Raises:
        ResultError: no results, a damaged one, or two of one system and seed.
        LtBenchError: ``out`` cannot be written to.
    """
    entries = collect(paths, real, videos)
    boards = build_boards(impute_worst(entries) if impute else entries)
    folder = Path(out)
    made = Leaderboard(
        boards, folder / "leaderboard.csv", folder / "leaderboard.md", folder / "leaderboard.tex", folder / "index.html"
    )
    write_text(made.csv, to_csv(boards))
    write_text(made.markdown, to_markdown(boards, title))
    write_text(made.latex, to_latex(boards))
    write_text(made.page, render_page(boards, title, samples, folder=folder, published=published))
    return made
