"""The rating page: which pairs it shows, and in a real browser that made-up answers are saved as they were given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.errors import ConfigError
from lt_bench.leaderboard.agreement.rating_page import choose_pairs
from lt_bench.leaderboard.agreement.ratings import read_ratings
from lt_bench.media.video_writer import write_video
from tests.leaderboard.page.test_page_in_browser import browser, open_page, pytestmark  # noqa: F401

CLIPS = ("anna", "ben")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root, rng = tmp_path_factory.mktemp("rated"), np.random.default_rng(0)
    for system in ("ours", "theirs"):
        for clip in CLIPS:
            (root / system).mkdir(exist_ok=True)
            write_video(root / system / f"{clip}.mp4", rng.integers(0, 256, (5, 32, 32, 3), dtype=np.uint8))
    return {"ours": root / "ours", "theirs": root / "theirs"}


def test_each_clip_and_pair_of_systems_is_asked_once(folders: dict[str, Path], tmp_path: Path) -> None:
    pairs = choose_pairs(folders, 40, 2, 0, tmp_path)
    assert sorted(pair.clip for pair in pairs if not pair.check) == sorted(CLIPS)
    assert [(pair.system_a, pair.system_b) for pair in pairs if pair.check] == [("reference", "damaged")] * 2
    assert pairs[:1] == choose_pairs(folders, 1, 0, 0, tmp_path)


def test_folders_that_cannot_be_compared_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least two systems, got 1"):
        choose_pairs({"ours": folders["ours"]}, 1, 0, 0, tmp_path)
    with pytest.raises(ConfigError, match="reserved name 'tie'"):
        choose_pairs({**folders, "tie": folders["ours"]}, 1, 0, 0, tmp_path)
    with pytest.raises(ConfigError, match="no name that all have"):
        choose_pairs({**folders, "empty": tmp_path}, 1, 0, 0, tmp_path)


def test_made_up_answers_are_saved_as_given(folders: dict[str, Path], open_page: Any, tmp_path: Path) -> None:  # noqa: F811
    page_file = tmp_path / "rate.html"
    given = [f"--videos={name}={folder}" for name, folder in folders.items()]
    assert main(["leaderboard", "rate", *given, "--out", str(page_file), "--checks", "1"]) == 0
    page = open_page(page_file)
    assert not page.locator("#question").is_visible()
    for name in folders:  # blind: no name is to be read
        assert name not in page.locator("body").inner_text()
    page.click("#begin")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page_file.read_text(encoding="utf-8"), re.S)[1])
    for _ in range(3):
        shown = [page.locator(f"#{side}").get_attribute("src") for side in ("left", "right")]
        (question,) = [q for q in data["questions"] if {data["videos"][v] for v in q["videos"]} == set(shown)]
        wanted = question["videos"][question["systems"].index("reference" if question["check"] else "ours")]
        page.keyboard.press("ArrowLeft" if data["videos"][wanted] == shown[0] else "ArrowRight")
    with page.expect_download() as download:
        page.click("#save")
    saved = tmp_path / "answers.csv"
    download.value.save_as(saved)
    ratings = read_ratings(saved)
    assert (ratings.raters, ratings.left_out) == (1, {})
    assert sorted(answer.clip for answer in ratings.preferences) == sorted(CLIPS)
    assert {(a.system_a if a.preferred == 1 else a.system_b) for a in ratings.preferences} == {"ours"}
