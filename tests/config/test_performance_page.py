"""The page of measurements is made from the result files beside it, as they are."""

from __future__ import annotations

import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "experiments" / "performance"


def test_the_page_says_what_the_result_files_say():
    text = runpy.run_path(str(HERE / "summary.py"))["page"]()
    assert (HERE / "README.md").read_text(encoding="utf-8") == text, "run experiments/performance/summary.py"


def test_every_result_file_is_a_claim_of_the_page():
    names = runpy.run_path(str(HERE / "summary.py"))
    claimed = {claim.script for claim in names["CLAIMS"]}
    assert {path.stem for path in (*HERE.glob("*.json"), *HERE.glob("by_hand/*.json"))} <= claimed
    assert all((HERE / f"{script}.py").is_file() for script in claimed)


def bench(folder: Path, *broken: str) -> tuple[int, str]:
    """What ``make bench`` runs, with a Python that only says what it is given and cannot run some of it."""
    python = folder / "python"
    cases = "".join(f"{script}.py) exit 3;; " for script in broken)
    python.write_text(f'#!/bin/sh\ncase $1 in {cases}esac\necho "ran $1"\n')
    python.chmod(0o755)
    shutil.copy(HERE / "bench.sh", folder)
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(python), "LT_BENCH_MIRROR": "/assets"}
    done = subprocess.run(["bash", folder / "bench.sh"], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_benchmark_measures_every_claim_and_then_writes_the_page(tmp_path: Path):
    code, said = bench(tmp_path)
    assert code == 0
    claims = runpy.run_path(str(HERE / "summary.py"))["CLAIMS"]
    ran = [line.split()[1] for line in said.splitlines() if line.startswith("ran ")]
    assert sorted(ran) == sorted([*(f"{claim.script}.py" for claim in claims), "summary.py"])
    assert ran[-1] == "summary.py"


@pytest.mark.parametrize("script", ["startup", "frechet"])
def test_a_measurement_that_fails_fails_the_benchmark_and_leaves_the_page(tmp_path: Path, script: str):
    code, said = bench(tmp_path, script)
    assert code != 0
    assert "ran summary.py" not in said
