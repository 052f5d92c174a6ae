"""Check that training, generating and scoring a cell again gives the same scores, to the last bit.

    python experiments/fusion_ablation/same_seed.py FIRST SECOND

FIRST, SECOND: folders of ``lt-bench ablate``, or the files that ``keep.py`` packed of them. Every cell and seed that
both have is compared: all scores, their values and those of each video. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lt_bench.evaluation.results.result_file import Result, load_result
from lt_bench.packed_folder import open_folder


def differences(first: Result, second: Result) -> list[str]:
    """Names of the scores that differ, or that one of them does not have."""
    sides = [{name: (s.value, s.per_video) for name, s in result.scores.items()} for result in (first, second)]
    return [name for name in sorted({*sides[0], *sides[1]}) if sides[0].get(name) != sides[1].get(name)]


def compare(first: Path, second: Path) -> tuple[int, int]:
    """Print a line for each model that both folders have; count the models compared, and those that differ."""
    compared = wrong = 0
    for path in sorted(second.glob("cells/*/seed*/result.json")):
        place = path.relative_to(second)
        if (first / place).exists():
            one, other = load_result(first / place), load_result(path)
            different = differences(one, other)
            said = ", ".join(different) if different else f"the same {len(other.scores)} scores"
            print(f"{place.parent}: {said}")
            compared, wrong = compared + 1, wrong + bool(different)
    return compared, wrong


def main() -> int:
    """Compare the scores of two runs of one seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    arguments = parser.parse_args()
    with open_folder(arguments.first) as first, open_folder(arguments.second) as second:
        compared, wrong = compare(first, second)
    print(f"{compared} models compared, {wrong} differ")
    return int(wrong > 0 or not compared)


if __name__ == "__main__":
    sys.exit(main())
