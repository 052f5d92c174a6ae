"""The check of a GPU machine, at tiny sizes on the CPU."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "experiments" / "performance" / "gpu_check"
QUICK = ("machine", "parity", "profile", "eager micro", "training", "generation", "codec")
"""All parts but those that compile, and the one of several processes, which take a minute."""


def check(out: Path, *arguments: str, path: Path | None = None) -> tuple[int, dict[str, Any]]:
    """Run the command; its exit code and its document."""
    folders = [str(ROOT)] if path is None else [str(path), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(CHECK), "--device", "cpu", "--small", "--out", str(out), *arguments]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert out.is_file(), done.stderr
    return done.returncode, json.loads(out.read_text())


@pytest.mark.slow
def test_every_part_measures_and_every_claim_is_judged(tmp_path: Path) -> None:
    code, document = check(tmp_path / "check.json", "--parts", *QUICK, "--minutes", "20")
    parts = {part["name"]: part for part in document["parts"]}
    assert {name: part["missing"] for name, part in parts.items() if name in QUICK} == dict.fromkeys(QUICK)
    assert parts["compiled micro"]["figures"] is None
    assert parts["eager micro"]["figures"].keys() >= {"steps_per_second", "mfu", "windows"}
    assert "memory_error" not in parts["eager micro"]["figures"]  # a CPU's is not measured, so it is no number
    assert parts["machine"]["figures"]["may_use_cuda"] is True
    verdicts = {(v["claim"]["part"], v["claim"]["figure"]): v for v in document["claims"]}
    for figure in ("loss", "gradient", "update", "average"):  # a CPU is like itself
        assert verdicts["parity", figure]["measured"] == 0
    assert verdicts["parity", "prediction_bf16"]["measured"] > 0
    assert verdicts["profile", "gradients_kernels"] | {"claim": None} == {
        "claim": None,
        "measured": None,
        "holds": None,
        "reason": "not measured on this device",
    }
    assert code == (1 if any(v["holds"] is False for v in document["claims"]) else 0)


def test_a_part_that_fails_is_listed_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "diffusers.py").write_text("raise ImportError('none here')\n")
    code, document = check(tmp_path / "check.json", "--parts", "codec", "machine", path=tmp_path)
    parts = {part["name"]: part for part in document["parts"]}
    assert (parts["codec"]["figures"], parts["codec"]["missing"]) == (None, "ImportError: none here")
    assert parts["machine"]["missing"] is None
    assert code == 0


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(CHECK))
    return importlib.import_module("running")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_part_that_dies_or_takes_too_long_is_ended(running: ModuleType) -> None:
    died = running.run_part(running.Part("died", lambda plan: os._exit(3), 9), None, 9)
    assert (died.figures, died.missing) == (None, "its process ended with exit code 3")
    late = running.run_part(running.Part("late", lambda plan: time.sleep(60), 9), None, 0.2)
    assert (late.figures, late.missing) == (None, "not done within 0 s")


def test_a_claim_is_judged_by_its_limit(running: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = importlib.import_module("claims")
    outcome = running.Outcome("parity", {"loss": 0.5, "bad": float("nan")}, None, 1.0)

    def verdict(figure: str, bound: str, limit: float) -> Any:
        return claims.judge(claims.Claim("text", "parity", figure, bound, limit), [outcome]).holds

    assert verdict("loss", "at most", 0.5) is True
    assert verdict("loss", "at least", 0.6) is False
    assert verdict("bad", "at most", 1.0) is False  # never a number, so never near enough
    assert verdict("absent", "at most", 1.0) is None


@pytest.mark.slow
def test_compiled_steps_and_several_devices_are_measured(tmp_path: Path) -> None:
    _, document = check(tmp_path / "check.json", "--parts", "compiled micro", "several devices", "--minutes", "20")
    parts = {part["name"]: part for part in document["parts"]}
    assert parts["compiled micro"]["missing"] is None
    assert 1 <= parts["compiled micro"]["figures"]["graphs"] <= 3
    verdicts = {(v["claim"]["part"], v["claim"]["figure"]): v for v in document["claims"]}
    assert verdicts["several devices", "loss_error"]["holds"] is True
    assert verdicts["several devices", "weight_error"]["holds"] is True
