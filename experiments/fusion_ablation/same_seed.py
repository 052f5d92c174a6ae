"""Check that training, generating and scoring a cell again gives the same scores, to the last bit.

    python experiments/fusion_ablation/same_seed.py FIRST SECOND

FIRST, SECOND: folders of ``lt-bench ablate``, or what ``keep.py`` kept of them. Every cell and seed that both have is
compared: all scores, their values and those of each video. Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lt_bench.evaluation.results.result_file import Result, load_result


def differences(first: Result, second: Result) -> list[str]:
    """Names of the scores that differ, or that one of them does not have."""
    sides = [{name: (s.value, s.per_video) for name, s in result.scores.items()} for result in (first, second)]
    return [name for name in sorted({*sides[0], *sides[1]}) if sides[0].get(name) != sides[1].get(name)]


def main() -> int:
    """Compare the folders and print one line per model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    arguments = parser.parse_args()
    compared = wrong = 0
    for path in sorted(arguments.second.glob("cells/*/seed*/result.json")):
        place = path.relative_to(arguments.second)
        if (arguments.first / place).exists():
            first, second = load_result(arguments.first / place), load_result(path)
            different = differences(first, second)
            said = ", ".join(different) if different else f"the same {len(second.scores)} scores"
            print(f"{place.parent}: {said}")
            compared, wrong = compared + 1, wrong + bool(different)
    print(f"{compared} models compared, {wrong} differ")
    return int(wrong > 0 or not compared)


if __name__ == "__main__":
    sys.exit(main())
