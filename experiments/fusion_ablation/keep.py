"""Copy the essential files of a folder of ``lt-bench ablate``: results, curves and configurations.

    python experiments/fusion_ablation/keep.py RUN --out FOLDER [--videos N]

The copy takes about 40 kB per model, so a repository can contain it. ``--videos N`` also copies N clips of the first
seed of each cell.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lt_bench.files import write_bytes

KEPT = ("result.json", "metrics.csv", "config.yaml", "status.json")


def keep(run: Path, out: Path, videos: int) -> int:
    """Copy the files and return the number of models."""
    folders = sorted(path.parent for path in run.glob("cells/*/seed*/result.json"))
    for folder in folders:
        place = out / folder.relative_to(run)
        for name in KEPT:
            write_bytes(place / name, (folder / name).read_bytes())
        for scored in sorted(folder.glob("scores/*/result.json")):
            write_bytes(out / scored.relative_to(run), scored.read_bytes())
        if folder.name == "seed0":
            for video in sorted((folder / "videos").glob("*.mp4"))[:videos]:
                write_bytes(place / "videos" / video.name, video.read_bytes())
    return len(folders)


def main() -> None:
    """Copy the files and print their number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=0)
    arguments = parser.parse_args()
    print(f"{keep(arguments.run, arguments.out, arguments.videos)} models kept in {arguments.out}")


if __name__ == "__main__":
    main()
