"""Drift against time as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lt_bench.evaluation.drift.measurement import MEASURES, Drift
from lt_bench.files import atomic_path

COLUMNS = 4


def plot_drift(path: Path, videos: Sequence[Drift], real: Sequence[Drift | None]) -> None:
    """Write a PNG: a panel a measure, a line a video; the real videos' lines are dashed, in the same colours.

    Args:
        path: of the picture.
        videos: at least one.
        real: the real video of each, where there is one.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in MEASURES if name in videos[0].series]
    rows = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 2.8 * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.atleast_1d(figure.subplots(rows, COLUMNS)).ravel()
    for axis, name in zip(axes, names, strict=False):
        for index, (video, truth) in enumerate(zip(videos, real, strict=True)):
            _line(axis, video, name, f"C{index % 10}", "-")
            if truth is not None:
                _line(axis, truth, name, f"C{index % 10}", "--")
        axis.set_title(name.replace("_", " "), fontsize=10, loc="left")
        axis.set_xlabel("time, s", fontsize=8)
        axis.set_ylabel(MEASURES[name], fontsize=7)
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
    for axis in axes[len(names) :]:
        axis.set_visible(False)
    figure.legend(handles=axes[0].get_lines(), loc="outside lower center", ncols=4, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})


def _line(axis: Any, drift: Drift, name: str, colour: str, style: str) -> None:
    values = [np.nan if value is None else value for value in drift.series[name]]
    label = Path(drift.video).name + (" (real)" if style == "--" else "")
    axis.plot(np.arange(len(values)) + 0.5, values, style, color=colour, linewidth=1.3, label=label)
