"""Rows, tables, ranking and the written files, from fake results."""

from __future__ import annotations

import csv
import dataclasses
import json
import statistics
from pathlib import Path

import pytest

from lt_bench.cli.main import main
from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import Clip
from lt_bench.evaluation.statistics.cluster import paired_difference
from lt_bench.leaderboard.build import build_leaderboard
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.descriptions import verdict_sentences


def boards_of(paths):
    return build_boards(collect(paths))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_a_line_a_system_with_every_score_in_a_column_of_its_name(fake, write_results, tmp_path):
    made = build_leaderboard(write_results(fake("symbiotic-direct", 0.9), fake("direct-direct", 0.7)), tmp_path / "out")
    lines = read_csv(made.csv)
    assert [(line["system"], line["portrait"], line["audio"], line["seeds"], line["state"]) for line in lines] == [
        ("symbiotic-direct", "symbiotic", "direct", "0", "done"),
        ("direct-direct", "direct", "direct", "0", "done"),
    ]
    best = lines[0]
    assert float(best["lip_corr"]) == fake("symbiotic-direct", 0.9).scores["lip_corr"].value
    assert float(best["lip_corr_shuffled"]) < 0.2
    assert best["fd_squeezenet"] == ""  # missing is empty, never 0
    assert float(best["train_seconds"]) > 0
    assert float(best["parameters"]) > 1e6
    assert float(best["lip_corr_low"]) < float(best["lip_corr"]) < float(best["lip_corr_high"])
    assert (best["protocol"], best["clips_given"], best["clips_scored"]) == ("fake-v1", "12", "12")


def test_seeds_are_averaged_with_their_standard_deviation(fake, write_results):
    results = [fake("symbiotic-direct", level, seed) for seed, level in enumerate((0.8, 0.84, 0.9))]
    (board,) = boards_of(write_results(*results))
    (row,) = board.rows
    values = [result.scores["lip_corr"].value for result in results]
    summary = row.scores["lip_corr"]
    assert row.seeds == (0, 1, 2)
    assert summary.value == pytest.approx(statistics.fmean(values))
    assert summary.sd == pytest.approx(statistics.stdev(values))
    assert summary.low < summary.value < summary.high
    assert summary.of_video(results[0].clips[0].id) == pytest.approx(
        statistics.fmean(r.scores["lip_corr"].per_video[r.clips[0].id] for r in results)
    )


def test_one_seed_keeps_the_interval_of_its_file_and_has_no_standard_deviation(fake, write_results):
    result = fake()
    (board,) = boards_of(write_results(result))
    summary = board.rows[0].scores["lip_corr"]
    assert (summary.low, summary.high) == (
        result.scores["lip_corr"].interval.low,
        result.scores["lip_corr"].interval.high,
    )
    assert summary.sd is None


def test_what_does_not_compare_stands_in_a_table_of_its_own_with_the_difference_named(fake, write_results, tmp_path):
    other = fake("rival", 0.99)
    other = dataclasses.replace(other, real=dataclasses.replace(other.real, hash="b" * 64))
    made = build_leaderboard(write_results(fake(), other), tmp_path / "out")
    assert [len(board.rows) for board in made.boards] == [1, 1]
    assert "real set" in made.boards[1].difference
    assert "real set" in made.markdown.read_text()
    assert "real set" in made.page.read_text()
    assert [line["table"] for line in read_csv(made.csv)] == ["1", "2"]


def test_another_number_of_scored_clips_is_not_ranked(fake, write_results):
    full, fewer = fake("full", 0.7), fake("fewer", 0.9)
    clips = (*fewer.clips[:-1], Clip(fewer.clips[-1].id, fewer.clips[-1].identity, 0))
    first, second = boards_of(write_results(dataclasses.replace(fewer, clips=clips), full))
    assert [row.system for row in first.rows] == ["full"]  # the fullest comes first, whatever its scores
    assert "clips scored" in second.difference


def test_best_tie_and_behind(fake, write_results):
    results = [fake("one", 0.9), fake("other", 0.9, seed=1), fake("far", 0.3)]
    (board,) = boards_of(write_results(*results))
    verdicts = board.verdicts["lip_corr"]
    first, second, third = (row.system for row in board.rows)
    assert third == "far"
    assert board.rows[0].scores["lip_corr"].value >= board.rows[1].scores["lip_corr"].value
    assert (verdicts[first].mark, verdicts[second].mark, verdicts[third].mark) == ("best", "tie", "behind")
    assert verdicts[third].p_value < 0.05 < verdicts[second].p_value
    assert board.verdicts["mouth_error"]["far"].mark == "behind"  # lower is better


def test_scores_of_whole_sets_tie_where_their_intervals_overlap(fake, write_results):
    from lt_bench.evaluation.statistics.cluster import Interval

    results = []
    for name, value in (("a", 1.0), ("b", 1.4), ("c", 3.0)):
        interval = Interval(value - 0.3, value + 0.3, 0.95, "cluster jackknife", 12, 12)
        score = fake().scores["mouth_error"]
        score = dataclasses.replace(score, scope="set", per_video={}, value=value, interval=interval)
        results.append(fake(name, scores={"mouth_error": score}))
    (board,) = boards_of(write_results(*results))
    assert [board.verdicts["mouth_error"][name].mark for name in "abc"] == ["best", "tie", "behind"]


def of_seeds(fake, name: str, levels: tuple[float, ...]):
    """A system whose seeds are on these levels; every clip agrees with its seed."""
    return [fake(name, level, seed) for seed, level in enumerate(levels)]


def test_seeds_that_scatter_tell_no_system_from_another_though_every_clip_agrees(fake, write_results):
    scattered = [*of_seeds(fake, "a", (0.9, 0.5, 0.7)), *of_seeds(fake, "b", (0.4, 0.8, 0.66))]
    (board,) = boards_of(write_results(*scattered))
    assert [board.verdicts["lip_corr"][name].mark for name in "ab"] == ["best", "tie"]
    a, b = (row.scores["lip_corr"] for row in board.rows)
    assert a.low < 0.5 < 0.9 < a.high
    assert b.value < a.value
    # Averaged over their seeds first, the same clips would tell them apart.
    shared = list(a.per_video)
    averaged = [[summary.of_video(i) for i in shared] for summary in (a, b)]
    assert paired_difference(*averaged, board.rows[0].results[0].clusters(shared)).p_value < 0.05


@pytest.mark.parametrize(("levels", "warned"), [((0.9,), True), ((0.9, 0.88, 0.91), False)])
def test_one_seed_is_said_to_tell_of_these_models_alone(fake, write_results, levels, warned):
    others = tuple(level - 0.4 for level in levels)
    (board,) = boards_of(write_results(*of_seeds(fake, "a", levels), *of_seeds(fake, "b", others)))
    told = " ".join(verdict_sentences(board))
    assert "Every other system is measurably behind." in told
    assert ("One seed tells of these trained models" in told) == warned


def test_seeds_that_agree_tell_systems_apart(fake, write_results):
    (board,) = boards_of(
        write_results(*of_seeds(fake, "a", (0.9, 0.88, 0.91)), *of_seeds(fake, "b", (0.5, 0.48, 0.52)))
    )
    assert board.verdicts["lip_corr"]["b"].mark == "behind"


def test_scores_of_whole_sets_have_intervals_over_seeds(fake, write_results):
    results = []
    for name, values in (("a", (1.0, 1.2, 1.1)), ("b", (1.15, 1.05, 1.2)), ("c", (3.0, 3.1, 2.9)), ("d", (1.3,))):
        for seed, value in enumerate(values):
            score = fake().scores["mouth_error"]
            score = dataclasses.replace(score, scope="set", per_video={}, value=value, interval=None)
            results.append(fake(name, seed=seed, scores={"mouth_error": score}))
    (board,) = boards_of(write_results(*results))
    verdicts = board.verdicts["mouth_error"]
    assert [verdicts[name].mark for name in "abcd"] == ["best", "tie", "behind", "unranked"]
    assert verdicts["d"].note == "no interval to tell it from the best by: too few identities"
    summary = next(row.scores["mouth_error"] for row in board.rows if row.system == "a")
    reach = 4.30265 * statistics.stdev((1.0, 1.2, 1.1)) / 3**0.5  # Student's t with two degrees of freedom
    assert (summary.low, summary.high) == pytest.approx((1.1 - reach, 1.1 + reach), rel=1e-4)


def test_other_scores_of_a_table_do_not_weaken_a_verdict(fake, write_results):
    one, two = fake("one", 0.9), fake("two", 0.86)
    alone = [dataclasses.replace(r, scores={"lip_corr": r.scores["lip_corr"]}) for r in (one, two)]
    (few,), (many,) = (boards_of(write_results(*results)) for results in (alone, (one, two)))
    assert few.verdicts["lip_corr"]["two"] == many.verdicts["lip_corr"]["two"]


def test_nothing_is_best_in_a_control_or_in_a_score_without_direction(fake, write_results):
    (board,) = boards_of(write_results(fake("a", 0.9), fake("b", 0.5)))
    for name in ("lip_corr_shuffled", "head_motion", "fd_squeezenet"):
        assert {verdict.mark for verdict in board.verdicts[name].values()} == {"unranked"}


def test_a_score_of_fewer_videos_or_another_detector_is_not_ranked(fake, write_results):
    a, b = fake("a", 0.5), fake("b", 0.9)
    few = dataclasses.replace(b.scores["lip_corr"], scored=3)
    other = dataclasses.replace(b.scores["psnr"], detector="another")
    b = dataclasses.replace(b, scores={**b.scores, "lip_corr": few, "psnr": other})
    (board,) = boards_of(write_results(a, b))
    assert board.verdicts["lip_corr"]["a"].mark == "best"
    assert board.verdicts["lip_corr"]["b"].mark == "unranked"
    assert "scored: 3 against 12" in board.verdicts["lip_corr"]["b"].note
    assert "detector" in (board.verdicts["psnr"]["a"].note + board.verdicts["psnr"]["b"].note)


def test_a_failed_run_is_a_row_with_its_reason(fake, write_results, failed_run, tmp_path):
    made = build_leaderboard([*write_results(fake()), failed_run("siamese", "direct")], tmp_path / "out")
    failed = read_csv(made.csv)[-1]
    assert (failed["system"], failed["portrait"], failed["state"]) == ("siamese-direct", "siamese", "failed")
    assert failed["reason"] == "the disk is <full>"
    assert failed["lip_corr"] == ""
    assert "the disk is &lt;full&gt;" in made.page.read_text()
    assert "the disk is &lt;full&gt;" in made.markdown.read_text()


def test_only_failed_runs_still_make_a_table(failed_run, tmp_path):
    made = build_leaderboard([failed_run("siamese", "direct")], tmp_path / "out")
    assert made.boards[0].rows[0].reasons == ("the disk is <full>",)
    assert "No system has a score yet." in made.page.read_text()


def test_two_results_of_one_system_and_seed_are_refused(fake, write_results):
    with pytest.raises(ResultError, match="one result of system 'symbiotic-direct' and seed 0"):
        boards_of(write_results(fake(level=0.8), fake(level=0.7)))


def test_the_same_file_twice_counts_once(fake, write_results):
    paths = write_results(fake())
    (board,) = boards_of([*paths, paths[0].parent, paths[0]])
    assert len(board.rows[0].entries) == 1


def test_folders_are_searched_but_not_their_copies(fake, write_results, tmp_path):
    (path,) = write_results(fake())
    run = tmp_path / "run"
    for folder in ("cells/a/seed0", "mlartifacts/1", "leaderboard"):
        (run / folder).mkdir(parents=True)
        (run / folder / "result.json").write_bytes(path.read_bytes())
    assert [entry.source for entry in collect([run])] == [run / "cells/a/seed0/result.json"]


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "lt_bench result", "version": 1}', '{"format": "else"}'])
def test_a_damaged_result_is_named_on_one_line(content, tmp_path, capsys):
    path = tmp_path / "result.json"
    path.write_text(content)
    assert main(["leaderboard", str(path), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert str(path) in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_nothing_to_rank_is_an_error(tmp_path, capsys):
    assert main(["leaderboard", str(tmp_path)]) == 2
    assert main(["leaderboard", str(tmp_path / "none")]) == 2
    assert "got none" in capsys.readouterr().err


def test_the_command_prints_a_table_or_json(fake, write_results, tmp_path, capsys, monkeypatch):
    paths = [str(path) for path in write_results(fake("symbiotic-direct", 0.9), fake("direct-direct", 0.7))]
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["leaderboard", *paths, "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "symbiotic-direct" in printed
    assert "lip_corr_shuffled" in printed
    assert "index.html" in printed
    assert main(["leaderboard", *paths, "--out", str(tmp_path / "out"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    rows = document["tables"][0]["rows"]
    assert rows[0]["scores"]["fd_squeezenet"] is None
    assert "absent" in rows[0]["missing"]["fd_squeezenet"]
    assert Path(document["files"]["page"]).is_file()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_the_terminal_table_names_what_has_no_room(width, fake, write_results):
    from rich.console import Console

    from lt_bench.leaderboard.formats.terminal import render

    boards = boards_of(write_results(fake("symbiotic-direct", 0.9), fake("direct-direct", 0.7)))
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(render(boards, width))
    console.file.close()
    text = console.export_text()
    assert "lip_corr" in text
    assert "psnr" in text


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--real", "nowhere"), "--real nowhere: expected the folder of a real set, got none"),
        (("--videos", "c=."), "--videos c: expected one of the systems a, b"),
    ],
)
def test_videos_of_nobody_are_refused(fake, write_results, tmp_path, capsys, option, says):
    paths = write_results(fake("a"), fake("b"))
    assert main(["leaderboard", *map(str, paths), "--out", str(tmp_path / "out"), *option]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
