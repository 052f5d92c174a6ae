"""A finished grid is known by its files, and only while they are as they were."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from lt_bench.ablation import finished_grid as finished
from lt_bench.ablation.finished_grid import finished_key, read_finished, write_finished
from lt_bench.evaluation.stores import provenance
from lt_bench.jobs.folder import CONFIG_FILE, RESULT_FILE
from lt_bench.jobs.job_status import STATUS_FILE

KEY = "k" * 64


@pytest.fixture
def grid(jobs, tmp_path: Path):
    """Two jobs whose files stand there, and the page."""
    made = jobs("works-a", "works-b")
    for job in made:
        job.folder.mkdir(parents=True)
        for name in (CONFIG_FILE, STATUS_FILE, RESULT_FILE):
            (job.folder / name).write_text(f"{job.name} {name}")
    page = tmp_path / "out" / "leaderboard" / "index.html"
    page.parent.mkdir()
    page.write_text("page")
    write_finished(tmp_path / "out", KEY, made, [page], {"cells": 2}, "a table")
    return tmp_path / "out", made, page


def test_what_was_said_is_said_again(grid):
    out, jobs, _ = grid
    found = read_finished(out, KEY, jobs)
    assert found is not None
    assert (found.document, found.text) == ({"cells": 2}, "a table")
    assert read_finished(out, KEY, jobs[:1]) is not None
    assert read_finished(out, "", jobs) is None
    assert read_finished(out, "other", jobs) is None


@pytest.mark.parametrize("name", [CONFIG_FILE, STATUS_FILE, RESULT_FILE])
def test_a_changed_or_missing_file_leaves_something_to_do(grid, name):
    out, jobs, page = grid
    path = jobs[1].folder / name
    before = path.read_bytes()
    path.write_bytes(before + b" ")
    assert read_finished(out, KEY, jobs) is None
    path.unlink()
    assert read_finished(out, KEY, jobs) is None
    path.write_bytes(before)
    assert read_finished(out, KEY, jobs) is not None
    page.unlink()
    assert read_finished(out, KEY, jobs) is None


def test_a_job_that_was_not_there_leaves_something_to_do(grid, jobs):
    out, made, _ = grid
    assert read_finished(out, KEY, (*made, *jobs("works-c"))) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"key": 1, "files": 2, "document": {}, "text": ""}'])
def test_a_damaged_note_is_no_note(grid, text):
    out, jobs, _ = grid
    (out / finished.FILE).write_text(text)
    assert read_finished(out, KEY, jobs) is None


def test_the_key_is_of_the_cache_and_of_the_code_as_it_lies_on_disk(experiment, monkeypatch, tmp_path):
    config = experiment("works-a")
    assert finished_key(config, "p") == ""  # no cache
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "SHA256SUMS").write_text("sums")
    key = finished_key(config, "p")
    assert key == finished_key(config, "p") != finished_key(config, "other")
    monkeypatch.setattr(finished, "code_sha256", lambda: "changed")
    assert finished_key(config, "p") not in {key, ""}
    plugins = dataclasses.replace(config.model, plugins=("mine.py",))
    assert finished_key(dataclasses.replace(config, model=plugins), "p") == ""


def test_the_code_is_its_files_whether_committed_or_not(monkeypatch, tmp_path):
    package = tmp_path / "some_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner" / "protocol.yaml").write_text("a: 1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(provenance, "OURS", ("some_package", "not_installed"))
    seen = [provenance.code_sha256()]
    (package / "notes.txt").write_text("of no account")
    assert provenance.code_sha256() == seen[0]
    (package / "inner" / "protocol.yaml").write_text("a: 2")
    seen.append(provenance.code_sha256())
    (package / "inner" / "protocol.yaml").rename(package / "protocol.yaml")
    seen.append(provenance.code_sha256())
    (package / "__init__.py").write_text("x = 1")
    seen.append(provenance.code_sha256())
    assert len(set(seen)) == 4


def test_it_is_known_without_pytorch():
    code = (
        "import sys; import lt_bench.cli.commands.ablate.command; "
        "import lt_bench.ablation.finished_grid, lt_bench.ablation.grid_plan; "
        "import lt_bench.evaluation.protocol, lt_bench.tracking.mlflow_tracker; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
