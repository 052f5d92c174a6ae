"""The lowest layers are tested without torch, which takes seconds to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = """
import runpy, sys
for path in sys.argv[1:]:
    runpy.run_path(path)
    assert "torch" not in sys.modules, path
"""


def test_neither_these_tests_nor_what_they_import_need_torch() -> None:
    files = [HERE.parent / "conftest.py", *sorted(HERE.glob("*.py"))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, files)], cwd=HERE.parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
