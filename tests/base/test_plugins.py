"""A user's own files: what is wrong with them is said on one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lt_bench.errors import ConfigError
from lt_bench.plugins import load_plugins


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("x = 1\ndef f(:\n    pass\n", r"got SyntaxError: .* \(line 2\)"),
        ("\n\nimport no_such_module\n", r"got ModuleNotFoundError: No module named 'no_such_module' \(line 3\)"),
        ("def f():\n    return 1 / 0\n\nf()\n", r"got ZeroDivisionError: division by zero \(line 2\)"),
        ("raise SystemExit(0)\n", r"got SystemExit: 0 \(line 1\)"),
        ("raise ValueError('two\\nlines')\n", r"got ValueError: two lines \(line 1\)"),
    ],
)
def test_code_that_cannot_be_imported_is_one_line(tmp_path: Path, code: str, told: str) -> None:
    (tmp_path / "own.py").write_text(code)
    with pytest.raises(ConfigError, match=rf"own\.py: expected code that can be imported, {told}") as error:
        load_plugins([tmp_path / "own.py"])
    assert "\n" not in str(error.value)


def test_a_mended_file_is_imported_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("1 / 0")
    with pytest.raises(ConfigError):
        load_plugins([tmp_path / "own.py"])
    (tmp_path / "own.py").write_text("x = 1  # mended")
    load_plugins([tmp_path / "own.py"])
