"""Factorial effects: recovered where they were put in, absent where they were not."""

from __future__ import annotations

import dataclasses
import html

import numpy as np
import pytest

from lt_bench.leaderboard.page.charts import build_charts
from lt_bench.leaderboard.page.render import render_page
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.leaderboard.tables.factorial_effects import Effect, factorial_effects
from lt_bench.leaderboard.tables.fusion_grid import build_grid
from tests.leaderboard.conftest import around, board_of, measured

CELL = ("portrait", "audio")
PORTRAIT = {"direct": 0.1, "symbiotic": -0.1}
AUDIO = {"direct": 0.0, "siamese": 0.03, "symbiotic": -0.03}


def effects(fake, write_results, interaction: float = 0.0) -> dict[tuple[str, str], Effect]:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 0.2, 12)  # of the video, shared by all cells
    results = []
    for portrait, shift in PORTRAIT.items():
        for audio, other in AUDIO.items():
            both = interaction if (portrait, audio) == ("symbiotic", "symbiotic") else 0.0
            values = 0.5 + difficulty + shift + other + both + rng.normal(0, 0.005, 12)
            result = fake(f"{portrait}-{audio}", 0.5)
            ids = [clip.id for clip in result.clips]
            score = dataclasses.replace(
                result.scores["lip_corr"],
                per_video=dict(zip(ids, values.tolist(), strict=True)),
                value=float(values.mean()),
                interval=None,
            )
            results.append(dataclasses.replace(result, scores={**result.scores, "lip_corr": score}))
    board = build_boards(collect(write_results(*results)))[0]
    grid = build_grid(board)
    assert grid is not None
    return {(e.kind, e.level): e for e in factorial_effects(board, grid, "lip_corr")}


def test_main_effects_are_found_and_no_interaction_is_invented(fake, write_results):
    found = effects(fake, write_results)
    assert len(found) == 2 + 3 + 6
    for kind, truth in (("portrait", PORTRAIT), ("audio", AUDIO)):
        for level, value in truth.items():
            assert found[kind, level].value == pytest.approx(value, abs=0.005)
            assert (found[kind, level].p_value < 0.05) == (value != 0)
    assert all(e.p_value > 0.05 for (kind, _), e in found.items() if kind == "interaction")


def test_an_interaction_is_found(fake, write_results):
    effect = effects(fake, write_results, interaction=0.3)["interaction", "symbiotic-symbiotic"]
    assert effect.value == pytest.approx(0.3 * (1 / 2) * (2 / 3), abs=0.01)
    assert effect.p_value < 0.05
    assert effect.low < effect.value < effect.high


def test_effects_of_a_kind_sum_to_zero(fake, write_results):
    found = effects(fake, write_results, interaction=0.2)
    for kind in ("portrait", "audio", "interaction"):
        assert sum(e.value for (k, _), e in found.items() if k == kind) == pytest.approx(0, abs=1e-12)


def test_a_grid_with_a_hole_has_no_effects(fake, write_results):
    cells = ("direct-direct", "direct-siamese", "symbiotic-direct")
    board = build_boards(collect(write_results(*(fake(cell, 0.5) for cell in cells))))[0]
    grid = build_grid(board)
    assert grid is not None
    assert factorial_effects(board, grid, "lip_corr") == ()


def grid_board(*results):
    """The table and its grid of cells."""
    board = board_of(*(dataclasses.replace(r, meta=dict(zip(CELL, r.system.split("-"), strict=True))) for r in results))
    grid = build_grid(board)
    assert grid is not None
    return board, grid


@pytest.mark.parametrize(
    ("changes", "lost", "says"), [({}, 9, "scored: 3 against 12"), ({"detector": "another"}, 0, "detector")]
)
def test_cells_that_are_not_measured_alike_make_no_effects_and_the_page_says_why(changes, lost, says):
    alike = [measured(cell, around(0.5)) for cell in ("direct-direct", "direct-symbiotic", "symbiotic-direct")]
    apart = measured("symbiotic-symbiotic", around(0.95)[lost:] + [None] * lost, **changes)
    board, grid = grid_board(*alike, apart)
    assert factorial_effects(board, grid, "lip_corr") == ()
    (chart,) = [chart for chart in build_charts(board, (), {}) if chart.title == "Effects on lip_corr"]
    assert "symbiotic-symbiotic: score 'lip_corr'" in chart.caption
    assert says in chart.caption
    assert chart.caption in html.unescape(render_page([board], "t"))
    cell = grid.scores[0].cells[1][1]
    assert (cell.mark, cell.share) == ("apart", None)


def test_effects_that_never_vary_are_not_tested():
    levels = {"direct-direct": 1.0, "direct-symbiotic": 1.0, "symbiotic-direct": 0.0, "symbiotic-symbiotic": 0.0}
    board, grid = grid_board(*(measured(cell, [v] * 12, seed) for cell, v in levels.items() for seed in range(2)))
    found = {(e.kind, e.level): e for e in factorial_effects(board, grid, "lip_corr")}
    assert found["audio", "direct"].p_value == 1.0
    assert "*" not in "".join(str(chart.svg) for chart in build_charts(board, (), {}) if "Effect" in chart.title)
    effect = found["portrait", "direct"]
    assert (effect.value, effect.low, effect.p_value, effect.detectable) == (0.5, None, None, None)


def by_seed(fake, write_results, spread: float):
    """Two portraits and two audios over five seeds; what a seed adds to a cell scatters by ``spread``."""
    rng = np.random.default_rng(1)
    results = []
    for seed in range(5):
        for portrait, shift in (("direct", 0.1), ("symbiotic", -0.1), ("siamese", 0.3)):
            for audio in ("direct", "symbiotic"):
                if portrait == "siamese" and audio == "symbiotic":
                    continue  # was not run with every audio
                result = fake(f"{portrait}-{audio}", 0.5, seed=seed)
                values = 0.5 + shift + rng.normal(0, spread) + rng.normal(0, 0.01, 12)
                per_video = dict(zip([clip.id for clip in result.clips], values.tolist(), strict=True))
                score = dataclasses.replace(
                    result.scores["lip_corr"], per_video=per_video, value=float(values.mean()), interval=None
                )
                whole = dataclasses.replace(score, name="fd_probe", scope="set", per_video={})
                scores = {**result.scores, "lip_corr": score, "fd_probe": whole}
                results.append(dataclasses.replace(result, scores=scores))
    board = build_boards(collect(write_results(*results)))[0]
    grid = build_grid(board)
    assert grid is not None
    names = ("lip_corr", "fd_probe")
    return [{(e.kind, e.level): e for e in factorial_effects(board, grid, name)} for name in names]


def test_seeds_that_agree_show_an_effect(fake, write_results):
    for found in by_seed(fake, write_results, 0.01):
        effect = found["portrait", "direct"]
        assert effect.value == pytest.approx(0.1, abs=0.02)
        assert effect.p_value < 0.05
        assert effect.detectable is not None
        assert effect.detectable < 0.05


def test_seeds_that_scatter_hide_it_though_every_clip_agrees(fake, write_results):
    for found in by_seed(fake, write_results, 0.5):
        effect = found["portrait", "direct"]
        assert effect.p_value > 0.05
        assert effect.detectable > 0.2


def test_a_portrait_that_lacks_an_audio_stands_aside(fake, write_results):
    found, _ = by_seed(fake, write_results, 0.01)
    assert {level for kind, level in found if kind == "portrait"} == {"direct", "symbiotic"}
