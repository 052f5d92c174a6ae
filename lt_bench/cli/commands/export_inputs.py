"""Write the portraits and voices of a split as inputs for another system.

Run the system on every row of inputs.csv, name each video <id>.mp4 (25 fps), and score the folder: lt-bench evaluate
--generated THEIRS --real CACHE/real/SPLIT --protocol NAME --system NAME --out theirs.json
"""

from __future__ import annotations

import argparse

from lt_bench.cli.output import add_json_flag, print_json
from lt_bench.conventions import SPLITS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("cache", metavar="DIR", help="folder of the latent cache")
    parser.add_argument("--split", default="test", choices=SPLITS, help="default: test")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Export the inputs and print the next command."""
    from lt_bench.data.cache import LatentCache
    from lt_bench.data.inputs import LIST_FILE, export_inputs
    from lt_bench.data.real_set import read_real_set

    real = read_real_set(LatentCache.open(arguments.cache).real_folder(arguments.split))
    made = export_inputs(real, arguments.out)
    if arguments.json:
        document = {"folder": str(made.folder), "clips": list(made.clips), "seconds": made.seconds}
        print_json({**document, "real": str(real.folder), "real_hash": real.hash})
        return 0
    print(f"{made.folder}: {len(made.clips)} portraits and voices, {made.seconds:.1f} s of video to make ({LIST_FILE})")
    print("name each video <id>.mp4, then: lt-bench evaluate --generated THEIRS --real", real.folder)
    return 0
