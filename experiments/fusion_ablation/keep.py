"""Pack what a study's numbers can be computed from again: results, curves, configurations; one file a study.

    python experiments/fusion_ablation/keep.py RUN --out FILE.tar.xz [--videos N]

RUN: folder of ``lt-bench ablate``. A repository can hold the pack: about 4 kB a model. ``--videos`` also keeps that
many clips of the first seed of each cell. ``tar -xf FILE.tar.xz -C FOLDER`` unpacks it; every script of this folder
reads it as it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from lt_bench.packed_folder import pack_folder

KEPT = ("result.json", "metrics.csv", "config.yaml", "status.json")


def kept_files(run: Path, videos: int) -> Iterator[Path]:
    """Yield the files of a run that are kept: of each model, and the first clips of each cell's first seed."""
    for folder in sorted(path.parent for path in run.glob("cells/*/seed*/result.json")):
        yield from (folder / name for name in KEPT)
        yield from folder.glob("scores/*/result.json")
        if folder.name == "seed0":
            yield from sorted((folder / "videos").glob("*.mp4"))[:videos]


def main() -> None:
    """Pack a run and print how much was kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=0)
    arguments = parser.parse_args()
    count = pack_folder(arguments.run, kept_files(arguments.run, arguments.videos), arguments.out)
    print(f"{count} files kept in {arguments.out}, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
