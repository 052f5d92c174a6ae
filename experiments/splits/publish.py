"""Make the published splits of a data set from its own lists.

    python experiments/splits/publish.py hdtf --lists DIR
    python experiments/splits/publish.py celebv-hq --lists DIR
    python experiments/splits/publish.py grid
    python experiments/splits/publish.py crema-d --lists DIR

``DIR`` holds HDTF's ``*_video_url.txt``, CelebV-HQ's ``celebvhq_info.json``, or is a clone of CREMA-D without its LFS
files (``GIT_LFS_SKIP_SMUDGE=1 git clone``), whose pointers become the table of clips next to the manifest. The manifest
goes to ``data_prep/datasets/published`` (or ``--out``).
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from data_prep.datasets.crema_d import TABLE
from data_prep.datasets.grid import Grid
from data_prep.datasets.published_splits import FOLDER, PublishedSplits, assign, splits_text
from data_prep.datasets.splits import RULE
from lt_bench.data.format import Split
from lt_bench.files import sha256_file, write_bytes, write_text

HDTF_NOTE = (
    "Identity: the name without its number (JohnLewis0 and JohnLewis1 are one man). Names that share a video are one "
    "identity. The list does not name the speakers of group RD (Radio1, Radio2, ...): nobody can say that they are "
    "disjoint, so all of them train."
)
CELEBV_NOTE = (
    "The list names no identities. A source video stands for its identity: the splits are disjoint in source videos; "
    "lt-bench cache check-leaks finds faces that appear in several."
)
GRID_NOTE = (
    "Test: the four speakers that LipNet (arXiv 1611.01599) holds out as unseen, 1, 2, 20 and 22. Validation: the "
    "speakers that the rule holds out for validation, 13, 24 and 28, and speaker 4, so that the first five speakers "
    "have every split. All others train. Speaker 21 has no video. The detector lip_sync_open was fitted on 11 clips of "
    "ten GRID speakers, so that its scores on this set are not independent of it."
)
CREMA_NOTE = "Identity: the actor's number. All clips of an actor have one split."
Videos = list[tuple[str, str, str]]


def hdtf(lists: Path) -> tuple[Videos, dict[str, Split], list[Path], str]:
    """Return videos, identities that do not follow the rule, the files read, and the note."""
    files = [lists / f"{group}_video_url.txt" for group in ("RD", "WDA", "WRA")]
    videos = []
    for file in files:
        group = file.name.split("_")[0]
        for line in file.read_text(encoding="utf-8-sig").split("\n"):
            if line.strip():
                name, url = line.split()
                who = name if group == "RD" else re.sub(r"\d+$", "", name)
                videos.append((f"{group}/{name}", who, parse_qs(urlparse(url).query)["v"][0]))
    unknown: dict[str, Split] = {who: "train" for name, who, _ in videos if name.startswith("RD/")}
    return videos, unknown, files, HDTF_NOTE


def celebv_hq(lists: Path) -> tuple[Videos, dict[str, Split], list[Path], str]:
    """Return the same as ``hdtf``, for CelebV-HQ."""
    file = lists / "celebvhq_info.json"
    clips = json.loads(file.read_text(encoding="utf-8"))["clips"]
    places = sorted({clip["ytb_id"] for clip in clips.values()})
    return [(place, place, place) for place in places], {}, [file], CELEBV_NOTE


def grid(lists: Path) -> tuple[Videos, dict[str, Split], list[Path], str]:
    """As ``hdtf``; the corpus has no list, its speakers are numbered."""
    names = [f"s{number}" for number in Grid.numbers]
    held: dict[str, Split] = dict.fromkeys(("s1", "s2", "s20", "s22"), "test")
    held |= dict.fromkeys(("s4", "s13", "s24", "s28"), "validation")
    splits: dict[str, Split] = {name: held.get(name, "train") for name in names}
    return [(name, name, f"{name}.zip") for name in names], splits, [], GRID_NOTE


def crema_d(lists: Path) -> tuple[Videos, dict[str, Split], list[Path], str]:
    """As ``hdtf``; also writes the table of clips."""
    pointers = sorted((lists / "VideoFlash").glob("*.flv"))
    rows = [f"{path.stem},{','.join(read_pointer(path))}\n" for path in pointers]
    write_bytes(TABLE, gzip.compress("".join(rows).encode("ascii"), 9, mtime=0))
    actors = sorted({path.stem.split("_")[0] for path in pointers})
    return [(actor, actor, actor) for actor in actors], {}, [TABLE], CREMA_NOTE


def read_pointer(path: Path) -> tuple[str, str]:
    """SHA-256 and size that a Git LFS pointer states."""
    facts = dict(line.split(" ", 1) for line in path.read_text(encoding="ascii").splitlines() if line)
    return facts["oid"].removeprefix("sha256:"), facts["size"]


SOURCES = {"hdtf": hdtf, "celebv-hq": celebv_hq, "grid": grid, "crema-d": crema_d}


def main() -> None:
    """Write the manifest and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dataset", choices=sorted(SOURCES))
    parser.add_argument("--lists", type=Path, default=Path(), metavar="DIR")
    parser.add_argument("--out", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    videos, pinned, files, note = SOURCES[arguments.dataset](arguments.lists)
    hashes = {file.name: sha256_file(file) for file in files}
    splits = PublishedSplits(arguments.dataset, RULE, note, hashes, assign(videos, pinned))
    out = arguments.out or FOLDER / f"{arguments.dataset}.json"
    write_text(out, splits_text(splits))
    print(f"{out}: {len(splits.videos)} videos, hash {splits.hash}")


if __name__ == "__main__":
    main()
