"""Make the published splits of HDTF or CelebV-HQ from the data set's own lists.

    python experiments/splits/publish.py hdtf --lists DIR
    python experiments/splits/publish.py celebv-hq --lists DIR

``DIR`` holds HDTF's ``*_video_url.txt`` or CelebV-HQ's ``celebvhq_info.json``. The manifest goes to
``data_prep/datasets/published`` (or ``--out``).
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlparse

from data_prep.datasets.published_splits import FOLDER, PublishedSplits, assign, splits_text
from data_prep.datasets.splits import RULE
from lt_bench.conventions import Split
from lt_bench.files import sha256_file, write_text

HDTF_NOTE = (
    "Identity: the name without its number (JohnLewis0 and JohnLewis1 are one man). Names that share a video are one "
    "identity. The list does not name the speakers of group RD (Radio1, Radio2, ...): nobody can say that they are "
    "disjoint, so all of them train."
)
CELEBV_NOTE = (
    "The list names no identities. A source video stands for its identity: the splits are disjoint in source videos; "
    "lt-bench cache check-leaks finds faces that appear in several."
)
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


SOURCES = {"hdtf": hdtf, "celebv-hq": celebv_hq}


def main() -> None:
    """Write the manifest and print its hash."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("dataset", choices=sorted(SOURCES))
    parser.add_argument("--lists", type=Path, required=True, metavar="DIR")
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
