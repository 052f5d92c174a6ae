"""The whole corpus: its table, and a command that makes the files: ``python -m hostile.build FOLDER [PART OF NAME]``.

Run from ``tests/corpus``. FOLDER gets ``fixtures`` (sound things), ``outside`` (what must not be touched), ``corpus``
and ``out`` (what commands write, and hostile files that lie where they write).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from hostile.caches import CACHES
from hostile.checkpoints import CHECKPOINTS
from hostile.entry import Entry, Trial
from hostile.fixtures import build_fixtures
from hostile.models import MODELS
from hostile.packs import PACKS
from hostile.sounds import PICTURES, SOUNDS
from hostile.texts import CONFIGS, LISTS, MANIFESTS, PAIRS, RESULTS
from hostile.trials import trials_of
from hostile.videos import VIDEOS

ENTRIES: tuple[Entry, ...] = (
    *VIDEOS, *SOUNDS, *PICTURES, *CONFIGS, *RESULTS, *PAIRS, *MANIFESTS, *LISTS, *CHECKPOINTS, *MODELS, *CACHES, *PACKS,
)  # fmt: skip


def build(sandbox: Path, entries: Iterable[Entry] = ENTRIES) -> list[Trial]:
    """Make the fixtures and the entries' files; gives the trials they are for.

    Args:
        sandbox: an empty folder, which becomes the current one.
        entries: which.
    """
    os.chdir(sandbox)
    (sandbox / "out").mkdir()
    build_fixtures(sandbox)
    return [trial for number, entry in enumerate(entries) for trial in trials_of(entry, number)]


def main() -> int:
    """Make the files, run every trial and print what went wrong."""
    from hostile.watch import run_trials

    sandbox = Path(sys.argv[1]).resolve()
    sandbox.mkdir(parents=True, exist_ok=True)
    wanted = [entry for entry in ENTRIES if any(part in entry.name for part in sys.argv[2:] or [""])]
    outcomes = []
    for outcome in run_trials(build(sandbox, wanted), sandbox):
        outcomes.append(outcome)
        cost = f"{outcome.seconds:.1f} s, {outcome.peak / 2**20:.0f} MiB"
        print(f"{outcome.trial.name}: {outcome.problem or 'good'} ({cost})", flush=True)
    bad = sum(bool(outcome.problem) for outcome in outcomes)
    most = max(outcomes, key=lambda outcome: outcome.peak)
    slowest = max(outcomes, key=lambda outcome: outcome.seconds)
    print(
        f"{len(wanted)} files, {len(outcomes)} commands, {bad} went wrong; most memory {most.peak / 2**20:.0f} MiB "
        f"({most.trial.name}), most time {slowest.seconds:.1f} s ({slowest.trial.name})"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
