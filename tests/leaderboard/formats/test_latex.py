"""Tables for a paper: whole, and no wider than its page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lt_bench.leaderboard.formats.latex import to_latex
from lt_bench.leaderboard.tables.boards import build_boards
from lt_bench.leaderboard.tables.collect import collect
from tests.leaderboard.conftest import fake_score

SYSTEMS = ("symbiotic-direct", "direct-direct")


@pytest.fixture
def text(fake, write_results) -> str:
    """Two systems, 16 scores."""
    scores = [fake_score(f"a_long_score_{k}", 0.5, k) for k in range(15)]
    results = [fake(name, 0.6 + 0.2 * k) for k, name in enumerate(SYSTEMS)]
    for result in results:
        result.scores.update({score.name: score for score in scores})
    return to_latex(build_boards(collect(write_results(*results))))


def test_a_wide_table_goes_on_below_itself(text: str):
    parts = re.findall(r"\\begin{tabular}.*?\\end{tabular}", text, re.DOTALL)
    assert len(parts) > 2
    assert all(system in part for part in parts for system in SYSTEMS)
    assert all(text.count(rf"a\_long\_score\_{k} ") == 1 for k in range(15))
    assert text.count(r"\begin{table}") == text.count(r"\caption") == 1
    for part in parts:
        columns = len(re.search(r"{(lr+)}", part)[1])
        assert {line.count("&") for line in part.splitlines() if line.endswith(r"\\")} == {columns - 1}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_latex_takes_it_and_finds_it_not_too_wide(text: str, tmp_path: Path):
    (tmp_path / "table.tex").write_text(text, encoding="utf-8")
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs}\usepackage[margin=3cm]{geometry}"
        r"\begin{document}\input{table.tex}\end{document}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
