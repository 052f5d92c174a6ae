"""The page of measurements is made from the result files beside it, as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

HERE = Path(__file__).resolve().parents[2] / "experiments" / "performance"


def test_the_page_says_what_the_result_files_say():
    text = runpy.run_path(str(HERE / "summary.py"))["page"]()
    assert (HERE / "README.md").read_text(encoding="utf-8") == text, "run experiments/performance/summary.py"


def test_every_result_file_is_a_claim_of_the_page():
    names = runpy.run_path(str(HERE / "summary.py"))
    claimed = {claim.script for claim in names["CLAIMS"]}
    assert {path.stem for path in (*HERE.glob("*.json"), *HERE.glob("by_hand/*.json"))} <= claimed
    assert all((HERE / f"{script}.py").is_file() for script in claimed)
