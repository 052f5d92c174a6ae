"""Write ``docs/studies/fusion_study.md`` from the study's results; the verdicts follow the plan's rules.

    python experiments/fusion_ablation/page.py [--tables FOLDER]

Reads ``results/main.tar.xz`` and, if they exist, ``no_motion``, ``grid_sample`` and ``reach``, each made by
``keep.py``, and has ``analyse.py`` compute their tables and figures; ``learning_curves`` and ``scaling`` go through
``score_curves.py``. The tables are not kept, since a minute computes them again; ``--tables`` writes them to a folder.
``notes.part`` next to this file holds the text written by hand: departures from the plan, and observations.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from analyse import analyse
from score_curves import analyse_curves
from tables import Row, flat, table

from lt_bench.files import read_json, write_text
from lt_bench.packed_folder import open_folder

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS, PAGE, FIGURES = HERE / "results", ROOT / "docs/studies/fusion_study.md", ROOT / "docs/studies/fusion_study"
SHOWN = (
    "lip_corr", "lip_corr_shuffled", "width_corr", "rounding_corr", "lip_error", "av_offset", "identity_probe",
    "identity_rank1", "pose_std_ratio", "fd_probe", "psnr", "motion_ratio",
)  # fmt: skip
COSTS = ("parameters", "macs_per_video_second", "seconds_per_video_second", "train_seconds", "peak_memory")
HYPOTHESES = (
    ("H1", "symbiotic portrait keeps identity best", "identity_probe", "portrait", "symbiotic"),
    ("H2", "direct audio follows the voice best", "lip_corr", "audio", "direct"),
    ("H3", "direct audio moves the head more diversely", "pose_std_ratio", "audio", "direct"),
)
PICTURES = {
    "main": ("effects.png", "cost.png", "curves.png"),
    "learning_curves": ("score_curves.png",),
    "scaling": ("sizes.png",),
}


def verdict(effects: list[Row], score: str, kind: str, level: str) -> tuple[str, str]:
    """Return the verdict of the plan's rule on a main effect, and its numbers."""
    own = {row["level"]: row for row in effects if (row["score"], row["kind"]) == (score, kind)}
    if level not in own:
        return "not measured", ""
    row, value = own[level], float(own[level]["value"])
    numbers = f"{value:+.3f} [{float(row['low']):+.3f}, {float(row['high']):+.3f}], p {float(row['p_value']):.3f}"
    if row["detectable"]:
        numbers += f"; detectable with 80% power from {float(row['detectable']):.3f}"
    largest = all(value >= float(other["value"]) for other in own.values())
    if float(row["p_value"]) >= 0.05:
        return "**not shown**", numbers
    if value < 0:
        return "**contradicted**", numbers
    return ("**confirmed**" if largest else "**not confirmed**: another fusion is higher"), numbers


def verdicts(folder: Path) -> str:
    """Make the table of hypotheses and verdicts."""
    effects = table(folder / "effects.csv")
    lines = ["| | hypothesis | score | effect, 95% interval, p after Holm | verdict |", "|---|---|---|---|---|"]
    for name, text, score, kind, level in HYPOTHESES:
        said, numbers = verdict(effects, score, kind, level)
        if name == "H2":
            said += ", at an operating point that favors it (above)"
        lines.append(f"| {name} | {text} | `{score}` | {numbers} | {said} |")
    if (folder / "one_way.json").exists():
        found = read_json(folder / "one_way.json")
        spent = found["costs"]["seconds_per_video_second"]
        faster = spent["one_way_symbiotic-direct"] < spent["symbiotic-direct"]
        numbers = f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]; "
        numbers += ", ".join(f"{name} {value:.2f} s per video second" for name, value in spent.items())
        said = "**confirmed**" if found["same"] and faster else "**not shown**"
        text = f"one-way symbiotic keeps identity as well, cheaper | `{found['score']}`"
        lines.append(f"| H4 | {text} | {numbers} | {said} |")
    return "\n".join(lines)


def cells(folder: Path, names: tuple[str, ...]) -> str:
    """Make a table of all cells with mean and standard deviation over seeds."""
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in table(folder / "cells.csv"):
        found.setdefault((row["portrait"], row["audio"]), {})[row["score"]] = row
    names = tuple(name for name in names if any(name in scores for scores in found.values()))
    lines = [
        "| portrait | audio | " + " | ".join(f"`{name}`" for name in names) + " |",
        "|---" * (len(names) + 2) + "|",
    ]
    for (portrait, audio), scores in sorted(found.items()):
        lines.append(f"| {portrait} | {audio} | " + " | ".join(_value(scores.get(name)) for name in names) + " |")
    return "\n".join(lines)


def _value(row: Row | None) -> str:
    if row is None or not row["value"]:
        return f"missing: {row['missing']}" if row and row["missing"] else "–"
    value = float(row["value"])
    text = f"{value:.3g}" if abs(value) >= 100 else f"{value:.3f}"
    return f"{text} ± {float(row['sd']):.3f}" if row["sd"] else text


def effect_table(folder: Path, names: tuple[str, ...]) -> str:
    """Make a table of main effects; a star marks significant ones."""
    lines = ["| score | modality | direct | siamese | symbiotic |", "|---|---|---|---|---|"]
    effects = table(folder / "effects.csv")
    for name in names:
        for kind in ("portrait", "audio"):
            own: dict[str, Any] = {r["level"]: r for r in effects if (r["score"], r["kind"]) == (name, kind)}
            if own:
                texts = [
                    f"{float(own[level]['value']):+.3f}{' *' if float(own[level]['p_value']) < 0.05 else ''}"
                    if level in own
                    else "–"
                    for level in ("direct", "siamese", "symbiotic")
                ]
                lines.append(f"| `{name}` | {kind} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


MORE = (
    ("no_motion", "Without motion frames"),
    ("grid_sample", "On real clips"),
    ("reach", "Trained for longer"),
)
"""Further results, shown if they exist."""
DARK = "Dark bars have p < 5% after Holm's correction over all effects of the score."
STARS = (
    "Effects are relative to the mean of all cells; * p < 5% after correction. All but the decision scores are "
    "secondary."
)


SCORED = """
The figure shows scores on the four validation people during training (seed 0) against the compute of training, which is
three times the multiply-accumulates of a forward pass. With four people, each point is only approximate.
"""
EQUAL = """
The table compares cells at equal budgets. Scores are interpolated to the point where each cell has spent as much as the
cheapest cell spends on its 400 steps. Cells that stop earlier have not fully decayed their learning rate, which lowers
their scores.
"""
SIZES = """
The table compares the two cells with direct audio in three sizes on the test people, with one seed and the same steps,
batch and learning rate.
"""


def compute_tables(results: Path, out: Path) -> None:
    """Analyse every packed study into a folder of its name."""
    for name in ("main", *(name for name, _ in MORE)):
        if (pack := results / f"{name}.tar.xz").exists():
            with open_folder(pack) as study:
                analyse(study, out / name)
    for name in ("learning_curves", "scaling"):
        if (pack := results / f"{name}.tar.xz").exists():
            with open_folder(pack) as study:
                analyse_curves(study, out / name, out / "main" / "cells.csv")


def learning(tables: Path) -> list[str]:
    """Scores against compute, and at equal budgets."""
    folder = tables / "learning_curves"
    if not (folder / "score_curves.csv").exists():
        return []
    picture = "![Scores against compute](fusion_study/score_curves.png)"
    return [SCORED, picture, EQUAL, flat(folder / "equal_budget.csv")]


def page(tables: Path) -> str:
    """The page, from the tables of every study."""
    main = tables / "main"
    parts = [
        (HERE / "head.part").read_text(encoding="utf-8"),
        "## Verdicts on the hypotheses",
        verdicts(main),
        "![Effects on the decision scores](fusion_study/effects.png)",
        DARK,
        "## Every cell",
        "The table shows the mean ± standard deviation over seeds.",
        cells(main, SHOWN),
        "## Main effects on all scores",
        STARS,
        effect_table(main, SHOWN),
        "## Costs",
        cells(main, COSTS),
        "![Scores against cost](fusion_study/cost.png)",
        "## Learning curves",
        "![Training loss](fusion_study/curves.png)",
        *learning(tables),
    ]
    if (tables / "scaling" / "sizes.csv").exists():
        parts += ["## Three sizes", SIZES, "![Scores against size](fusion_study/sizes.png)"]
        parts.append(flat(tables / "scaling" / "sizes.csv"))
    for name, title in MORE:
        if (tables / name / "cells.csv").exists():
            parts += [f"## {title}", cells(tables / name, (*SHOWN, "lip_sync_open", "identity_dlib", "train_seconds"))]
    parts.append((HERE / "notes.part").read_text(encoding="utf-8"))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def main() -> None:
    """Analyse, write the page and copy its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=Path, help="keep the tables and figures of every study here")
    kept = parser.parse_args().tables
    with tempfile.TemporaryDirectory() as temporary:
        tables = kept or Path(temporary)
        compute_tables(RESULTS, tables)
        FIGURES.mkdir(exist_ok=True)
        for picture in [tables / folder / name for folder, names in PICTURES.items() for name in names]:
            if picture.exists():
                shutil.copy(picture, FIGURES / picture.name)
        write_text(PAGE, page(tables))


if __name__ == "__main__":
    main()
