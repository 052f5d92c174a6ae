"""What is said of a table's clips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lt_bench.leaderboard.page import video_samples as clips
from lt_bench.leaderboard.page.render import render_page
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.descriptions import board_facts
from tests.leaderboard.conftest import board_of, fake_result, measured


def told(split: str, *caches: str | None) -> str:
    """The label of the number of identities, for systems trained on these caches."""
    results = [fake_result(f"s{k}", cache_hash=cache) for k, cache in enumerate(caches)]
    board = board_of(*(replace(r, real=replace(r.real, split=split)) for r in results))
    return next(label for label, _ in board_facts(board) if label.startswith("Identities"))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_identities_are_unseen_where_all_were_trained_on_one_cache(split):
    assert told(split, "c" * 64, "c" * 64) == "Identities, unseen in training"


@pytest.mark.parametrize(
    ("split", "caches"),
    [("train", ["c"]), ("", ["c"]), ("test", ["c", None]), ("test", ["c", "d"]), ("test", [None])],
)
def test_identities_are_not_said_to_be_unseen_where_it_is_not_known(split, caches):
    assert told(split, *caches) == "Identities"


@pytest.mark.parametrize(("higher", "worst"), [(True, 0.1), (False, 0.9)])
def test_clips_go_from_the_unrated_and_the_worst_to_the_best(higher, worst, monkeypatch):
    monkeypatch.setattr(clips, "_video", lambda row, clip: Path(clip))
    values = [*np.linspace(0.1, 0.9, 10), None, None]
    board = board_of(measured("a", values, name="mouth_error", higher_is_better=higher))
    rated = board.rows[0].scores["mouth_error"].per_video
    shown = [rated.get(clip.id, (None,))[0] for clip in clips.pick_clips(board, board.rows, 12)]
    assert shown[:3] == [None, None, pytest.approx(worst)]
    assert sorted(shown[2:], reverse=not higher) == shown[2:]


def test_clips_are_called_held_out_only_where_they_are(run_folder):
    (entry,) = collect([run_folder])
    rival = replace(entry, system="rival", result=replace(entry.result, system="rival", cache_hash=None))
    assert "Held-out clips from the worst to the best" in render_page(build_boards([entry]), "t", 2)
    assert "Held-out" not in render_page(build_boards([entry, rival]), "t", 2)
