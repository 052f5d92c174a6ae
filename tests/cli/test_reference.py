"""The pages made from the code are up to date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.protocol import load_protocol

ROOT = Path(__file__).resolve().parents[2]


def test_reference_pages_are_up_to_date() -> None:
    script = [sys.executable, "docs/make_reference.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_protocol_of_the_docs_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs/reference/protocols.md").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    protocol = load_protocol(tmp_path / "mine.yaml")
    assert (protocol.id, protocol.size) == ("lips-256", 256)
    assert [build_metric(spec.name, spec.settings).name for spec in protocol.scores] == [
        s.name for s in protocol.scores
    ]
