"""Scores on the validation people against the compute of training, and scores against the size of the model.

    python experiments/fusion_ablation/score_curves.py RESULTS --out FOLDER [--costs CELLS.csv]

RESULTS: the file that ``keep.py`` packed of ``learning_curves.yaml`` or of ``scaling.yaml``, or a folder. Where models
were scored while they trained, writes ``score_curves.csv`` and ``.png`` (a line a cell: scores at each step that was
scored); where they have several sizes, ``sizes.csv`` and ``.png`` (a line a cell: final scores on the test people).
Compute of training: three times the multiply-accumulates of a forward pass (one forward, two backward), of all windows
up to that step.
``equal_budget.csv``: scores, interpolated between the steps scored, when a cell had spent what the cheapest cell spends
on its whole training: in compute and, where ``--costs`` gives the study's ``train_seconds``, in time. The learning rate
of the others had not decayed to its end by then.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from analyse import save_figure, write_csv

from lt_bench.config import ModelConfig, RunConfig, load_config
from lt_bench.errors import LtBenchError
from lt_bench.evaluation.results.result_file import Result, load_result
from lt_bench.models.model_summary import describe
from lt_bench.packed_folder import open_folder

SHOWN = ("lip_corr", "rounding_corr", "identity_probe", "pose_std_ratio")
DATA = (64, "dct", "log_mel")
LATENT, SPEECH = (32, 8, 8), (1, 80)
"""Shapes of the study's caches, from its frame size, codec and speech encoder."""


@dataclass(frozen=True)
class Point:
    """One scoring of a model."""

    cell: str
    size: str
    parameters: int
    step: int
    gmacs: float
    """Multiply-accumulates of training up to this scoring, in 10^9."""
    scores: dict[str, float | None]


def training_gmacs(config: RunConfig, step: int) -> float:
    """Return the multiply-accumulates of a number of training steps, in 10^9."""
    return 3 * _size(config.model)[0] * config.train.batch_size * step / 1e9


@cache
def _size(model: ModelConfig) -> tuple[int, int]:
    found = describe(model, LATENT, SPEECH)
    return found.macs_window + found.macs_step, found.parameters_total


def points(folder: Path) -> tuple[list[Point], list[Point]]:
    """Return the scorings during training and at the end, for every model below the folder."""
    during, final = [], []
    for place in sorted(path.parent for path in folder.glob("cells/*/seed*/result.json")):
        config = load_config(RunConfig, place / "config.yaml")
        data = (config.data.resolution, config.data.codec, config.data.speech_encoder)
        if data != DATA:
            raise LtBenchError(f"{place}/config.yaml: data: expected resolution, codec and speech {DATA}, got {data}")
        for file in sorted(place.glob("scores/*/result.json")):
            result = load_result(file)
            during.append(_point(config, result, int(result.meta["train_steps"])))
        final.append(_point(config, load_result(place / "result.json"), config.train.steps))
    if not final:
        raise LtBenchError(f"{folder}: expected cells/*/seed*/result.json, got none")
    return during, final


def _point(config: RunConfig, result: Result, step: int) -> Point:
    fusion, scores = config.model.fusion, {n: s.value for n, s in result.scores.items() if n in SHOWN}
    cell = f"{fusion.portrait}-{fusion.audio}"
    return Point(cell, config.model.preset, _size(config.model)[1], step, training_gmacs(config, step), scores)


def rows(found: Sequence[Point]) -> list[dict[str, Any]]:
    """Convert points to the rows of a table."""
    names = ("cell", "size", "parameters", "step")
    return [{name: getattr(p, name) for name in names} | {"gmacs": round(p.gmacs, 1)} | p.scores for p in found]


def equal_budget(during: Sequence[Point], totals: dict[str, float], budget: str) -> list[dict[str, Any]]:
    """Interpolate each cell's scores at the smallest of the totals (10^9 multiply-accumulates, or seconds)."""
    found, scored = [], {p.cell for p in during}
    totals = {cell: total for cell, total in totals.items() if cell in scored}
    for cell, total in sorted(totals.items()):
        own = sorted((p for p in during if p.cell == cell), key=lambda p: p.step)
        step = own[-1].step * min(totals.values()) / total
        row: dict[str, Any] = {"budget": budget, "cell": cell, "spent": round(min(totals.values()), 1)}
        row["step"] = round(step)
        for name in SHOWN:
            known = [(p.step, value) for p in own if (value := p.scores.get(name)) is not None]
            row[name] = round(float(np.interp(step, *zip(*known, strict=True))), 4) if known else None
        found.append(row)
    return found


def train_seconds(costs: Path) -> dict[str, float]:
    """Read the training time of each cell from a table of ``analyse.py``."""
    with costs.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["score"] == "train_seconds"]
    return {f"{row['portrait']}-{row['audio']}": float(row["value"]) for row in rows}


def plot(found: Sequence[Point], x: str, label: str, path: Path) -> None:
    """Plot one panel per score and one line per cell."""
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(15, 3.8))
    cells = sorted({p.cell for p in found})
    for axis, name in zip(axes, SHOWN, strict=True):
        for number, cell in enumerate(cells):
            own = [p for p in found if p.cell == cell and p.scores.get(name) is not None]
            own.sort(key=lambda p: getattr(p, x))
            values = [p.scores[name] for p in own]
            axis.plot([getattr(p, x) for p in own], values, "o-", color=f"C{number}", markersize=3, label=cell)
        axis.set(xlabel=label, title=name)
        axis.grid(alpha=0.3)
    axes[-1].legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1, 1))
    save_figure(figure, path)


def analyse_curves(results: Path, out: Path, costs: Path | None) -> None:
    """Write the tables and figures of a folder of results.

    Args:
        results: folder with ``cells/``.
        out: folder to write to.
        costs: ``cells.csv`` of the study, for its training seconds.
    """
    during, final = points(results)
    if during:
        write_csv(out / "score_curves.csv", rows(during))
        plot(during, "gmacs", "GMACs of training", out / "score_curves.png")
        equal = equal_budget(during, {p.cell: p.gmacs for p in final}, "GMACs of training")
        if costs:
            equal += equal_budget(during, train_seconds(costs), "seconds of training")
        write_csv(out / "equal_budget.csv", equal)
    if len({p.size for p in final}) > 1:
        write_csv(out / "sizes.csv", rows(final))
        plot(final, "parameters", "parameters", out / "sizes.png")


def main() -> None:
    """Read the results and write tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--costs", type=Path, help="cells.csv of the study, for its training seconds")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open_folder(arguments.results) as results:
        analyse_curves(results, arguments.out, arguments.costs)


if __name__ == "__main__":
    main()
