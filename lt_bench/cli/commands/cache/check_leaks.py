"""``lt-bench cache check-leaks``: the same person, source video or clip in two splits."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from lt_bench.data.cache import LatentCache
    from lt_bench.data.leaks import Shared


def check_leaks(arguments: argparse.Namespace) -> int:
    """Report leaks between splits; return 1 if there is one."""
    from lt_bench.data.cache import LatentCache

    report = leaks_of(LatentCache.open(arguments.cache), arguments.faces, arguments.distance)
    if arguments.json:
        print_json(report)
    else:
        _print_report(report)
    return 1 if report["leaks"] else 0


def leaks_of(cache: LatentCache, faces: bool, distance: float | None) -> dict[str, Any]:
    """Return the leaks as a JSON document.

    Raises:
        AssetError: faces are to be compared and dlib's weights are absent.
    """
    from lt_bench.data.face_prints import SAME_FACE, face_prints
    from lt_bench.data.leaks import shared_by_name, shared_faces

    found, compared, unseen = shared_by_name(cache), 0, {}
    limit = SAME_FACE if distance is None else distance
    rendered = cache.info.landmark_set == "synthetic"
    if faces and not rendered:
        with progress_bar() as bar:
            task = bar.add_task("looking at faces", total=None)
            prints = face_prints(cache, lambda now, total: bar.update(task, completed=now, total=total))
        compared, unseen = len(prints.clips), prints.unseen
        found += shared_faces(prints, limit)
    return {
        "cache": str(cache.path),
        "clips": len(cache.records()),
        "identities": len({record.identity for record in cache.records()}),
        "faces": "rendered, not compared" if rendered else "compared" if faces else "not compared (--no-faces)",
        "faces_compared": compared,
        "faces_unseen": unseen,
        "distance": limit,
        "leaks": [_entry(shared) for shared in found if shared.leaks],
        "one_face_several_names": [_entry(shared) for shared in found if not shared.leaks],
    }


def _entry(shared: Shared) -> dict[str, Any]:
    return {**vars(shared), "splits": list(shared.splits), "clips": list(shared.clips)}


def _print_report(report: dict[str, Any]) -> None:
    for entry in report["leaks"]:
        print(f"leak: {_line(entry)}")
    for entry in report["one_face_several_names"]:
        print(f"one face, several names, one split: {_line(entry)}")
    faces = (
        f"{report['faces_compared']} faces compared" if report["faces"] == "compared" else f"faces {report['faces']}"
    )
    if report["faces_unseen"]:
        name, reason = next(iter(report["faces_unseen"].items()))
        faces += f", {len(report['faces_unseen'])} clips not seen ({name}: {reason})"
    print(f"{len(report['leaks'])} leaks in {report['clips']} clips of {report['identities']} identities; {faces}")


def _line(entry: dict[str, Any]) -> str:
    shown = ", ".join(entry["clips"][:6]) + (", ..." if len(entry["clips"]) > 6 else "")
    distance = "" if entry["distance"] is None else f", distance {entry['distance']:.2f}"
    return f"{entry['kind']} {entry['what']} in {' and '.join(entry['splits'])}{distance}: {shown}"
