"""The notebook runs from its first cell to its last on a cache that it is given."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from data_prep.pipeline import prepare
from lt_bench.config import DataConfig, SyntheticConfig

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "02_look_at_a_cache.ipynb"
SMALL = SyntheticConfig(
    train_speakers=4, validation_speakers=1, test_speakers=1, takes=1, train_frames=20, test_frames=30
)


@pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages
def test_it_runs_and_shows_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    prepare(DataConfig(cache=str(tmp_path / "cache"), synthetic=SMALL), workers=1)
    for name, value in {
        "LT_BENCH_LOOK_AT": str(tmp_path / "cache"),
        "MPLBACKEND": "Agg",  # as on a machine without a screen; figures appear all the same
        "PYTHONPATH": str(NOTEBOOK.parents[1]),
        "IPYTHONDIR": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "kept small: outputs are not committed"
    done = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(pictures) == 5
    assert not any(o.output_type == "error" or o.get("name") == "stderr" for o in outputs)
    assert any("damage=None" in o.get("text", "") for o in outputs)
