"""Published scores stand apart, and their drift is that of the file."""

from __future__ import annotations

from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.page.published_scores import PublishedRow, drifts, load_published


def test_every_row_names_its_paper_and_has_a_value() -> None:
    rows = load_published()
    assert len(rows) == 62
    assert all(row.dataset and row.paper and row.method and row.values for row in rows)


def test_sadtalkers_fid_moves_sevenfold_between_papers() -> None:
    drift = next(d for d in drifts(load_published()) if (d.dataset, d.method, d.score) == ("HDTF", "SadTalker", "fid"))
    assert (drift.low, drift.high) == (12.701, 92.5)
    assert 7 < drift.factor < 7.5


def test_real_videos_and_single_papers_do_not_drift() -> None:
    rows = [
        PublishedRow("d", "a", "Real", {"fid": 1.0}, ""),
        PublishedRow("d", "b", "Real", {"fid": 5.0}, ""),
        PublishedRow("d", "a", "m", {"fid": 1.0, "fvd": 3.0}, ""),
        PublishedRow("d", "b", "m", {"fid": 2.0}, ""),
        PublishedRow("e", "b", "m", {"fid": 9.0}, ""),
    ]
    assert [(d.dataset, d.method, d.score, d.factor, d.papers) for d in drifts(rows)] == [("d", "m", "fid", 2.0, 2)]


def test_published_rows_are_shown_apart_and_only_on_request(fake, write_results, tmp_path) -> None:
    paths = write_results(fake("a", 0.9), fake("b", 0.5))
    without = build_leaderboard(paths, tmp_path / "without").page.read_text()
    made = build_leaderboard(paths, tmp_path / "with", published=True)
    assert "As published" not in without
    text = made.page.read_text()
    assert "As published" in text
    assert "SadTalker" in text[text.index("As published") :]
    assert "SadTalker" not in made.csv.read_text()
    assert len(made.boards[0].rows) == 2
