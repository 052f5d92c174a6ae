"""Folders as people have them: other containers, subfolders, links, odd entries, names in NFD, byte-order marks."""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from lt_bench.errors import ResultError
from lt_bench.evaluation.harness import Harness
from lt_bench.evaluation.protocol import Protocol, ScoreSpec
from lt_bench.evaluation.results.result_file import load_result, save_result
from lt_bench.evaluation.results.worst_videos import write_page
from lt_bench.leaderboard.page.attachments import Attachments
from lt_bench.leaderboard.page.video_samples import collect_samples
from lt_bench.leaderboard.submission import check_submission, pack_submission
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from lt_bench.media.video_files import comparable_name, find_videos

PIXELS = Protocol("pixels", 1, "for tests", (ScoreSpec("psnr"),), 64)


def test_every_entry_is_a_video_or_has_a_reason(tmp_path: Path) -> None:
    for name in (
        "a.mp4",
        "b.MTS",
        "deep/er/c.3gp",
        "x.gif",
        "notes.txt",
        "pictures/1.png",
        "pictures/2.png",
        ".hid.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "broken.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "linked").symlink_to(tmp_path / "deep")
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    found = find_videos(tmp_path)
    assert [str(p) for p in found.videos] == ["a.mp4", "b.MTS", "deep/er/c.3gp", "linked/er/c.3gp"]
    no_video = "no video by its name (expected .mp4, .mov, .mkv, .webm, .avi, .mpg or the like)"
    assert found.unused == {
        "broken.mp4": "a link that leads nowhere",
        "deep/up": "a link to a folder that it lies in",
        "linked/up": found.unused["linked/up"],
        "notes.txt": no_video,
        "pictures": "a folder without videos (2 other files)",
        "x.gif": no_video,
    }


@pytest.fixture
def sets(painted, generate: Callable[..., Path], tmp_path: Path) -> tuple[Path, Path]:
    """Plain folders of real and generated videos: one in a subfolder, one with an accent, one in another container."""
    real, made = tmp_path / "real_videos", tmp_path / "theirs"
    source = generate()
    accent = "r\u00e9n\u00e9"
    names = {"ann_0": "speakers/ann/0", "bob_0": accent, "bob_1": "bob_1", "cid_0": "cid_0"}
    for old, new in names.items():
        for folder, origin, suffix in ((real, painted.folder, ".mp4"), (made, source, ".mov")):
            name = unicodedata.normalize("NFD", new) if folder is made else new
            target = folder / f"{name}{suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin / f"{old}.mp4", target)
    return real, made


def test_nested_sets_are_paired_by_path_and_the_result_keeps_the_files(sets, tmp_path: Path) -> None:
    real, made = sets
    (made / "cid_0.mov").rename(made / "cid_0.gif")
    (made / "readme.txt").write_text("made by us")
    (made / "speakers" / "loop").symlink_to(made)
    result = Harness(PIXELS).evaluate(real, made)
    assert set(result.scores["psnr"].per_video) == {"speakers/ann/0", "r\u00e9n\u00e9", "bob_1"}
    files = {clip.id: (clip.generated, clip.real) for clip in result.clips}
    assert files["speakers/ann/0"] == ("speakers/ann/0.mov", "speakers/ann/0.mp4")
    assert files["bob_1"] == ("bob_1.mov", "bob_1.mp4")
    assert files["cid_0"] == ("", "cid_0.mp4")
    assert {m.clip: m.reason for m in result.misses}["cid_0"].startswith(
        "no generated video of this name: cid_0.gif is"
    )
    assert {unused.name for unused in result.unused} == {"cid_0.gif", "readme.txt", "speakers/loop"}
    save_result(result, tmp_path / "result.json")
    assert load_result(tmp_path / "result.json") == result


def test_later_stages_use_the_files_that_were_scored(sets, tmp_path: Path) -> None:
    real, made = sets
    result = Harness(PIXELS).evaluate(real, made)
    save_result(result, tmp_path / "result.json")
    write_page(result, made, real, tmp_path / "worst.html")
    assert "no picture" not in (tmp_path / "worst.html").read_text(encoding="utf-8")
    pack_submission(tmp_path / "result.json", tmp_path / "pack.zip", made)
    problems = {f.what: f.problem for f in check_submission(tmp_path / "pack.zip") if f.problem}
    assert set(problems) == {"protocol"}  # which is the test's own


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_pairs_with_a_byte_order_mark_and_other_accents(sets, tmp_path: Path, kind: str) -> None:
    real, made = sets
    wanted = {"re\u0301ne\u0301": "r\u00e9n\u00e9.mov", "bob_1": "cid_0.mov", "speakers/ann/0": "speakers/ann/0.mov"}
    rows = "\n".join(["real,generated", *(f"{a},{b}" for a, b in wanted.items())])
    text = json.dumps(wanted) if kind == "json" else rows
    (tmp_path / f"pairs.{kind}").write_text(text, encoding="utf-8-sig")
    result = Harness(PIXELS, pairs=tmp_path / f"pairs.{kind}").evaluate(real, made)
    assert set(result.scores["psnr"].per_video) == {"r\u00e9n\u00e9", "bob_1", "speakers/ann/0"}
    assert {clip.id: clip.generated for clip in result.clips}["bob_1"] == "cid_0.mov"


def test_every_reason_is_quoted_where_nothing_can_be_scored(sets) -> None:
    real, made = sets
    for path in list(made.rglob("*.mov")):
        path.write_bytes(b"" if path.name == "bob_1.mov" else b"no video")
    with pytest.raises(ResultError, match=r"4 of 4 clips missed; .*; .*") as error:
        Harness(PIXELS).evaluate(real, made)
    assert "0 bytes" in str(error.value)
    assert "unreadable" in str(error.value)


def test_accents_compare_equal_however_they_are_stored() -> None:
    assert comparable_name("re\u0301ne\u0301") == comparable_name("r\u00e9n\u00e9") == "r\u00e9n\u00e9"


def test_the_page_shows_the_videos_whatever_they_are_called(sets, tmp_path: Path) -> None:
    real, made = sets
    result = Harness(PIXELS).evaluate(real, made, system="ours")
    save_result(result, tmp_path / "results" / "result.json")
    entries = collect([tmp_path / "results"], real=real, videos={"ours": made})
    (board,) = build_boards(entries)
    samples = collect_samples(board, {"ours": 0}, 4, Attachments(None))
    assert len(samples.shown) == 4
    assert [tile.missing for sample in samples.shown for tile in sample.tiles] == [""] * 8
