"""The committed studies: small packed files that the scripts of their folder still read."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lt_bench.evaluation.results.result_file import load_result
from lt_bench.files import read_json, write_json
from lt_bench.packed_folder import open_folder

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
STUDY = EXPERIMENTS / "fusion_ablation"
PACKS = sorted(EXPERIMENTS.rglob("*.tar.xz"))
MAX_STUDY = 3_000_000
"""Bytes of the packed files of a study's folder together."""
DERIVED = {"cells.csv", "effects.csv", "equal_budget.csv", "score_curves.csv", "sizes.csv", "one_way.json"}
"""Tables that the scripts compute from the results in seconds."""


def script(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script of a study; scripts import those next to them."""
    monkeypatch.syspath_prepend(str(path.parent))
    for neighbour in path.parent.glob("*.py"):
        monkeypatch.delitem(sys.modules, neighbour.stem, raising=False)
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_packed_files_are_small_and_hold_nothing_that_can_be_computed_again() -> None:
    sizes: dict[Path, int] = {}
    for pack in PACKS:
        sizes[pack.parent] = sizes.get(pack.parent, 0) + pack.stat().st_size
        with open_folder(pack) as folder:
            files = [path for path in folder.rglob("*") if path.is_file()]
            assert any(path.name == "result.json" for path in files), pack
            assert not {path.name for path in files} & DERIVED, pack
    assert sizes
    assert max(sizes.values()) <= MAX_STUDY


def test_every_packed_study_is_described() -> None:
    for pack in PACKS:
        assert f"`{pack.name}`" in (pack.parent / "README.md").read_text(encoding="utf-8"), pack


def test_the_analysis_reads_a_packed_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analyse = script(STUDY / "analyse.py", monkeypatch)
    monkeypatch.setattr(sys, "argv", ["analyse.py", str(STUDY / "results" / "reach.tar.xz"), "--out", str(tmp_path)])
    analyse.main()
    assert {path.name for path in tmp_path.iterdir()} == {"cells.csv", "cost.png", "curves.png"}
    rows = (tmp_path / "cells.csv").read_text().splitlines()
    with open_folder(STUDY / "results" / "reach.tar.xz") as folder:
        (path,) = folder.glob("cells/*/seed*/result.json")
        value = load_result(path).scores["lip_corr"].value
    assert f"direct,direct,lip_corr,{value}," in "\n".join(rows)


def test_what_is_kept_of_a_run_opens_with_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = script(STUDY / "keep.py", monkeypatch)
    with open_folder(STUDY / "results" / "reach.tar.xz") as run:
        (run / "leaderboard").mkdir()
        (run / "leaderboard" / "index.html").write_text("computed again in seconds")
        monkeypatch.setattr(sys, "argv", ["keep.py", str(run), "--out", str(tmp_path / "run.tar.xz"), "--videos", "1"])
        keep.main()
    assert (tmp_path / "run.tar.xz").read_bytes() == (STUDY / "results" / "reach.tar.xz").read_bytes()


def test_the_plots_of_the_sensitivity_study_are_drawn_from_its_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plots = script(EXPERIMENTS / "sensitivity" / "plots.py", monkeypatch)
    report = read_json(EXPERIMENTS / "sensitivity" / "sensitivity.json") | {"scores": ["mirrored", "sharpness"]}
    write_json(tmp_path / "one.json", report)
    assert plots.draw(tmp_path / "one.json", tmp_path) == [tmp_path / "sharpness.png"]
    assert (tmp_path / "sharpness.png").stat().st_size > 1000


@pytest.mark.slow
def test_the_page_of_the_study_is_made_from_its_packed_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = script(STUDY / "page.py", monkeypatch)
    page.compute_tables(STUDY / "results", tmp_path)
    assert page.page(tmp_path) == page.PAGE.read_text(encoding="utf-8")
