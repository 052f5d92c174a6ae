"""The whole corpus against the real commands; minutes. ``python -m hostile.build`` does the same by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hostile.build import ENTRIES, build
from hostile.watch import run_trials


def test_the_corpus_is_large_and_its_names_are_unique():
    names = Counter((entry.kind, entry.name) for entry in ENTRIES)
    assert len(names) == len(ENTRIES) > 200
    assert len({entry.kind for entry in ENTRIES}) >= 12


@pytest.mark.slow
def test_no_file_of_the_corpus_does_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    bad = {o.trial.name: o.problem for o in run_trials(build(tmp_path), tmp_path) if o.problem}
    assert bad == {}
