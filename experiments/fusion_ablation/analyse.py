"""Make the tables and figures of the study from its result files.

    python experiments/fusion_ablation/analyse.py RESULTS --out FOLDER

RESULTS: folder of ``lt-bench ablate``, or the file that ``keep.py`` packed of one. Writes ``cells.csv`` (every score
of every cell: mean, standard deviation over seeds, one value a seed), ``effects.csv`` (main effects and interaction of
every score, with intervals and Holm-corrected p-values), ``one_way.json`` (H4) and the figures ``effects.png``,
``curves.png`` and ``cost.png``. Scores and tests are the package's own; nothing is left out by result.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from lt_bench.errors import LtBenchError
from lt_bench.evaluation.statistics.two_way import two_way_mean
from lt_bench.files import atomic_path, write_json
from lt_bench.leaderboard.tables.boards import Board, build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.factorial_effects import Effect, factorial_effects
from lt_bench.leaderboard.tables.fusion_grid import build_grid
from lt_bench.leaderboard.tables.rows import Row
from lt_bench.packed_folder import open_folder

DECIDE = ("identity_probe", "lip_corr", "pose_std_ratio")
ON_REAL_CLIPS = ("identity_dlib", "lip_sync_open", "head_motion_ratio")
"""Substitutes of the decision scores on real clips, which have no ground truth; they decide nothing."""
COSTS = ("parameters", "macs_per_video_second", "seconds_per_video_second", "train_seconds", "peak_memory")
SAME = 0.02
"""H4: largest difference of identity that counts as equal."""


def cell_rows(board: Board) -> Iterable[dict[str, Any]]:
    """Return every score and cost of every cell."""
    for row in board.rows:
        for name, summary in row.scores.items():
            yield {
                "portrait": row.portrait, "audio": row.audio, "score": name, "value": summary.value, "sd": summary.sd,
                "seeds": " ".join(map(str, row.seeds)), "by_seed": " ".join(map(str, summary.values)),
                "missing": summary.missing,
            }  # fmt: skip
        for name in COSTS:
            yield {"portrait": row.portrait, "audio": row.audio, "score": name, "value": row.cost(name)}


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a table atomically."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def one_way(board: Board) -> dict[str, Any] | None:
    """Compare identity and cost of the one-way symbiotic portrait with the symbiotic one (H4)."""
    rows = {row.system: row for row in board.rows}
    first, second = rows.get("one_way_symbiotic-direct"), rows.get("symbiotic-direct")
    if first is None or second is None:
        return None
    gaps, clusters = _gaps(board, first, second, DECIDE[0])
    mean = two_way_mean(gaps, clusters)
    costs = {name: {row.system: row.cost(name) for row in (first, second)} for name in COSTS}
    return {
        "score": DECIDE[0],
        **asdict(mean),
        "within": SAME,
        "same": -SAME < mean.low <= mean.high < SAME,
        "costs": costs,
    }


def _gaps(board: Board, first: Row, second: Row, name: str) -> tuple[np.ndarray, list[str]]:
    tables = [{r.seed: r.scores[name].per_video for r in row.results} for row in (first, second)]
    seeds = [seed for seed in tables[0] if seed in tables[1]]
    videos = [v for v in tables[0][seeds[0]] if all(v in table[s] for table in tables for s in seeds)]
    if len(seeds) < 2:
        raise LtBenchError(f"one-way symbiotic: expected at least 2 seeds that both have, got {len(seeds)}")
    a, b = (np.array([[table[s][v] for v in videos] for s in seeds]) for table in tables)
    assert board.reference is not None
    return a - b, list(board.reference.clusters(videos))


def plot_effects(found: dict[str, tuple[Effect, ...]], path: Path) -> None:
    """Plot main effects and interaction on the decision scores; significant effects are dark."""
    kinds = ("portrait", "audio", "interaction")
    figure, axes = plt.subplots(len(found), 3, figsize=(10, 2.6 * len(found)), sharex="row", squeeze=False)
    for line, (name, effects) in zip(axes, found.items(), strict=True):
        for axis, kind in zip(line, kinds, strict=True):
            own = [effect for effect in effects if effect.kind == kind][::-1]
            for y, effect in enumerate(own):
                colour = "black" if effect.p_value is not None and effect.p_value < 0.05 else "darkgrey"
                axis.plot([effect.low, effect.high], [y, y], color=colour, linewidth=2)
                axis.plot(effect.value, y, "o", color=colour)
            axis.axvline(0, color="grey", linestyle=":")
            axis.set_yticks(range(len(own)), [effect.level for effect in own])
            axis.set(title=kind, xlabel=f"effect on {name}")
            axis.margins(y=0.2)
    save_figure(figure, path)


def plot_curves(board: Board, path: Path) -> None:
    """Plot training loss against steps, and against seconds of training."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for number, row in enumerate(sorted(board.rows, key=lambda row: row.system)):
        curves = [np.array(entry.curve) for entry in row.entries if entry.curve]
        if not curves:
            continue
        length = min(map(len, curves))
        steps, loss = curves[0][:length, 0], np.mean([curve[:length, 1] for curve in curves], axis=0)
        style = {"color": f"C{number % 10}", "linewidth": 1.2, "label": row.system}
        axes[0].plot(steps, loss, **style)
        axes[1].plot(steps / steps[-1] * (row.cost("train_seconds") or np.nan), loss, **style)
    axes[0].set(xlabel="optimiser step", ylabel="training loss, mean over seeds", yscale="log")
    axes[1].set(xlabel="seconds of training on one core")
    axes[1].legend(frameon=False, fontsize=7)
    save_figure(figure, path)


def plot_cost(board: Board, names: Sequence[str], path: Path) -> None:
    """Plot scores against the multiply-accumulates of a second of video."""
    figure, axes = plt.subplots(1, len(names), figsize=(14, 4.6), squeeze=False)
    portraits = sorted({row.portrait for row in board.rows})
    for axis, name in zip(axes[0], names, strict=True):
        for row in board.rows:
            macs, summary = row.cost("macs_per_video_second"), row.scores.get(name)
            if macs is None or summary is None or summary.value is None:
                continue
            axis.errorbar(macs / 1e9, summary.value, summary.sd, fmt="o", color=f"C{portraits.index(row.portrait)}")
            axis.annotate(row.system, (macs / 1e9, summary.value), (4, 3), textcoords="offset points", fontsize=6)
        axis.set(xlabel="GMACs per second of video", ylabel=f"{name}, mean and sd of seeds")
        axis.margins(0.2)
    save_figure(figure, path)


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure atomically."""
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def analyse(results: Path, out: Path) -> dict[str, tuple[Effect, ...]]:
    """Write the tables and figures of a folder of results, and return the effects on the scores that decide."""
    board = build_boards(collect([results]))[0]
    names = DECIDE if set(DECIDE) <= set(board.score_names) else ON_REAL_CLIPS
    write_csv(out / "cells.csv", list(cell_rows(board)))
    grid = build_grid(board)
    effects = {name: factorial_effects(board, grid, name) for name in board.score_names} if grid else {}
    rows = [{"score": name, **asdict(effect)} for name, found in effects.items() for effect in found]
    decisive = {name: effects[name] for name in names if effects.get(name)}
    if rows:
        write_csv(out / "effects.csv", rows)
        plot_effects(decisive, out / "effects.png")
    found = one_way(board)
    if found:
        write_json(out / "one_way.json", found)
    plot_curves(board, out / "curves.png")
    plot_cost(board, names, out / "cost.png")
    return decisive


def main() -> None:
    """Analyse, write, print the effects that decide."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open_folder(arguments.results) as results:
        effects = analyse(results, arguments.out)
    for name, found in effects.items():
        for effect in found:
            print(name, effect)


if __name__ == "__main__":
    main()
