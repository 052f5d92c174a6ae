"""The report of a study: JSON, a table in Markdown, and a plot per score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lt_bench.evaluation.sensitivity.response import Report, Response
from lt_bench.files import atomic_path, write_json, write_text

MARKS = {"yes": "yes", "partly": "(yes)", "no": "-", "missing": "none", "": ""}


def write_report(report: Report, folder: Path) -> None:
    """Write ``sensitivity.json``, ``sensitivity.md`` and ``<score>.png`` into a folder."""
    write_json(folder / "sensitivity.json", report.document())
    write_text(folder / "sensitivity.md", to_markdown(report))
    for score in report.scores:
        found = [response for response in report.responses if response.score == score]
        if found:
            plot(score, found, {row.name: row.unit for row in report.damages}, folder / f"{score}.png")


def to_markdown(report: Report) -> str:
    """Which score sees which damage, and how sound is followed."""
    head = ["damage (levels)", "clips", *report.scores]
    lines = [
        f"# Which score sees which damage: {report.protocol}, {report.real}",
        "",
        "yes: worse than undamaged at the top of the ladder (in most clips; scores of sets: by more than real videos "
        "differ), and never better from one level to the next; without a better direction, worse is where the damage "
        "moves the score. (yes): worse at the top only. -: not seen. none: no value at the top, for a reason, which "
        "is not 0. Empty: the score does not look at it.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
    ]
    marks = {(r.damage, r.score): MARKS[r.seen] for r in report.responses}
    for row in report.damages:
        levels = ", ".join(f"{level:g}" for level in row.levels)
        cells = [f"{row.name} ({levels}{' ' + row.unit if row.unit else ''})", str(row.clips)]
        lines.append("| " + " | ".join([*cells, *(marks.get((row.name, s), "") for s in report.scores)]) + " |")
    for name, why in report.missing.items():
        lines += ["", f"Not measured: {name}: {why}"]
    return "\n".join([*lines, *_tracking(report), ""])


def to_text(report: Report) -> str:
    """The same for a terminal: who sees each damage."""
    lines = [f"{report.protocol} on {report.clips} clips of {report.real}:"]
    for row in report.damages:
        seen = ", ".join(row.seen_by) or "nobody"
        partly = f" (partly: {', '.join(row.partly_seen_by)})" if row.partly_seen_by else ""
        lines.append(f"  {row.name} ({row.clips} clips): seen by {seen}{partly}")
    return "\n".join([*lines, *(line for line in _tracking(report) if line)])


def _tracking(report: Report) -> list[str]:
    found = report.tracking
    if not found:
        return []
    within = ", ".join(f"{k}: {count}" for k, count in found["clips_within_1_frame"].items())
    judged = found["auc_own_against_another_voice"]
    own = "" if judged is None else f"Own voice against another's by `lip_sync_open`: AUC {judged:.3f}."
    return [
        "",
        f"Late sound found to one frame by `lip_sync_open_offset`, clips of {found['clips']} by frames late: {within}.",
        "",
        own,
    ]


def plot(score: str, found: list[Response], units: dict[str, str], path: Path) -> None:
    """One panel a damage: the value along its ladder, undamaged first."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure = Figure(figsize=(3.1 * columns, 2.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axis, response in zip(grid.flat, found, strict=False):
        _panel(axis, response, units[response.damage])
    for axis in grid.flat[len(found) :]:
        axis.set_visible(False)
    figure.suptitle(score)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90, metadata={"Software": None})


def _panel(axis: Any, response: Response, unit: str) -> None:
    places = [i for i, value in enumerate(response.values, 1) if value is not None]
    values = [response.values[i - 1] for i in places]
    axis.errorbar(places, values, [response.spread[i - 1] for i in places], marker="o", ms=3, lw=1.4, elinewidth=0.7)
    if response.undamaged is not None:
        axis.axhline(response.undamaged, color="0.5", lw=0.8, ls="--")
        axis.plot([0], [response.undamaged], marker="s", ms=4, color="0.4")
    axis.set_xticks([0, *range(1, len(response.levels) + 1)], ["none", *(f"{level:g}" for level in response.levels)])
    axis.tick_params(labelsize=7)
    axis.set_xlabel(unit, fontsize=7)
    words = {"yes": "seen", "partly": "seen at the top", "no": "not seen", "missing": "no value at the top", "": ""}
    seen = words[response.seen]
    axis.set_title(f"{response.damage}: {seen}", fontsize=8, color="black" if response.seen == "yes" else "0.35")
