"""Draw the plots of the committed study again: one metric along every ladder of damage.

    python experiments/sensitivity/plots.py --out FOLDER

Reads ``sensitivity.json``, which holds every value, so the repository does not hold the pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lt_bench.evaluation.sensitivity.report import plot
from lt_bench.evaluation.sensitivity.response import Response
from lt_bench.files import read_json

REPORT = Path(__file__).parent / "sensitivity.json"


def draw(report: Path, out: Path) -> list[Path]:
    """Draw ``<score>.png`` of every score of a report, and return the files."""
    document = read_json(report)
    units = {damage["name"]: damage["unit"] for damage in document["damages"]}
    drawn = []
    for score in document["scores"]:
        found = [Response(**response) for response in document["responses"] if response["score"] == score]
        if found:
            plot(score, found, units, out / f"{score}.png")
            drawn.append(out / f"{score}.png")
    return drawn


def main() -> None:
    """Draw one plot per score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    print(f"{len(draw(REPORT, arguments.out))} plots in {arguments.out}")


if __name__ == "__main__":
    main()
