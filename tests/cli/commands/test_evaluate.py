"""``lt-bench evaluate``: exit codes, what goes to stdout, what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lt_bench.cli.main import main
from lt_bench.evaluation.results.result_file import load_result
from lt_bench.media.video import write_video

PROTOCOL = """
id: pixels
version: 1
about: for tests
scores: [{name: psnr}, {name: motion_ratio}, {name: lip_corr}]
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``made`` and ``real`` with two videos each, and a protocol."""
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    for folder in ("made", "real"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            frames = rng.integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
            write_video(tmp_path / folder / f"{name}.mp4", frames, preset="ultrafast")
    (tmp_path / "pixels.yaml").write_text(PROTOCOL)
    return tmp_path


def arguments(folders: Path, *more: str) -> list[str]:
    fixed = ["evaluate", "--generated", str(folders / "made"), "--real", str(folders / "real")]
    return [*fixed, "--protocol", str(folders / "pixels.yaml"), *more]


def test_a_table_a_file_and_exit_code_0(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folders / "out" / "r.json"
    assert main(arguments(folders, "--out", str(out), "--system", "S")) == 0
    printed = capsys.readouterr().out
    for part in (
        "psnr",
        "dB",
        "higher",
        "near 1",
        "2/2",
        "pixels (version 1",
        "missing lip_corr: the real set has no exact",
    ):
        assert part in printed
    result = load_result(out)
    assert (result.system, result.scored, result.misses) == ("S", 2, ())
    assert result.scores["psnr"].value is not None


def test_json_is_one_document_on_stdout(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folders, "--json")) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert (document["format"], document["system"]) == ("lt_bench result", "made")
    assert "scoring" in captured.err


def test_a_missed_video_is_listed_and_exit_code_1(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "made" / "b.mp4").write_bytes(b"broken")
    assert main(arguments(folders)) == 1
    printed = capsys.readouterr().out
    assert "missed b: b.mp4: " in printed
    assert str(folders) not in printed


def test_an_out_that_cannot_be_written_fails_before_the_work(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folders, "--out", str(folders))) == 2
    assert "expected the path of a file, got a folder" in capsys.readouterr().err
    assert main(arguments(folders, "--out", str(folders / "pixels.yaml" / "r.json"))) == 2
    assert "scoring" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("--protocol", "bogus"), "protocol 'bogus': expected one of disco, latentsync, open-v1"),
        (("--generated", "nowhere"), "nowhere: expected a folder of generated videos, got nothing"),
        (("--plugin", "none.py"), "none.py: expected a Python file"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    folders: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, ...], says: str
) -> None:
    out = folders / "r.json"
    assert main(arguments(folders, "--out", str(out), *change)) == 2
    captured = capsys.readouterr()
    last = captured.err.strip().splitlines()[-1]
    assert last.startswith("lt-bench evaluate: ")
    assert says in last
    assert captured.out == ""
    assert not out.exists()


def test_nothing_to_score_is_exit_code_2(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (folders / "made" / f"{name}.mp4").write_bytes(b"broken")
    assert main(arguments(folders)) == 2
    assert "nothing to score: 2 of 2 clips missed" in capsys.readouterr().err
