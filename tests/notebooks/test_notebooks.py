"""Every notebook runs from its first cell to its last, shows its figures, and is committed without outputs."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from data_prep.pipeline import prepare
from lt_bench.config import DataConfig, SyntheticConfig
from lt_bench.evaluation.results.result_file import save_result

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = SyntheticConfig(
    train_speakers=4, validation_speakers=1, test_speakers=1, takes=1, train_frames=20, test_frames=30
)
FAKES = runpy.run_path(str(ROOT / "tests" / "leaderboard" / "conftest.py"))
"""Makes results whose numbers are drawn from a seed."""
Run = Callable[..., list[Any]]
pytestmark = pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a notebook in a kernel of its own and returns its outputs; an error in it fails the test."""

    def execute(name: str, **variables: str) -> list[Any]:
        variables |= {
            "LT_BENCH_NOTEBOOKS": str(tmp_path / "out"),
            "MPLBACKEND": "Agg",  # as on a machine without a screen; figures appear all the same
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(tmp_path),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "XDG_CACHE_HOME": str(tmp_path / "user-cache"),
        }
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        (path,) = (path for path in NOTEBOOKS if path.name.startswith(name))
        notebook = nbformat.read(path, as_version=4)
        done = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
        nbformat.write(done, tmp_path / path.name)
        return [output for cell in done.cells for output in cell.get("outputs", [])]

    return execute


def pictures(outputs: list[Any]) -> int:
    return sum("image/png" in output.get("data", {}) for output in outputs)


def text(outputs: list[Any]) -> str:
    return "\n".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs_and_draws_inline(path: Path) -> None:
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert code[0].source.startswith("%matplotlib inline\n")


def test_look_at_a_cache(run: Run, tmp_path: Path) -> None:
    prepare(DataConfig(cache=str(tmp_path / "cache"), synthetic=SMALL), workers=1)
    outputs = run("02", LT_BENCH_LOOK_AT=str(tmp_path / "cache"))
    assert pictures(outputs) == 5
    assert not any(o.get("name") == "stderr" for o in outputs)
    assert "damage=None" in text(outputs)


@pytest.mark.slow
def test_fusion_ablation(run: Run, tmp_path: Path) -> None:
    levels = {"direct-direct": 0.5, "direct-symbiotic": 0.6, "symbiotic-direct": 0.9, "symbiotic-symbiotic": 0.7}
    for name, level in levels.items():
        save_result(FAKES["fake_result"](name, level), tmp_path / "results" / f"{name}.json")
    outputs = run("03", LT_BENCH_RESULTS=str(tmp_path / "results"))
    assert pictures(outputs) == 4
    assert "4 cells, fake-v1 version 1, synthetic test, 12 of 12 clips, headline score lip_corr" in text(outputs)
    assert "interaction" in text(outputs)


@pytest.mark.slow
def test_fusion_ablation_of_the_committed_study(run: Run) -> None:
    outputs = run("03")
    assert pictures(outputs) == 6
    assert "main: 10 cells, synthetic-v1" in text(outputs)


@pytest.mark.slow
def test_your_own_fusion_or_metric(run: Run) -> None:
    outputs = run("04")
    assert pictures(outputs) == 1
    assert "film_notebook" in text(outputs)


@pytest.mark.slow
def test_quickstart_and_then_its_ablation_figures(run: Run, tmp_path: Path) -> None:
    outputs = run("01")
    assert pictures(outputs) == 2
    assert (tmp_path / "out" / "quickstart" / "leaderboard" / "index.html").is_file()
    assert pictures(run("03", LT_BENCH_RESULTS=str(tmp_path / "out" / "quickstart"))) == 4


@pytest.mark.slow
def test_search(run: Run, tmp_path: Path) -> None:
    outputs = run("05")
    assert pictures(outputs) >= 2
    assert (tmp_path / "out" / "search" / "best.yaml").is_file()
