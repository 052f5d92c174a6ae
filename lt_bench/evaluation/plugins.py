"""Scores from a user's own files."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from lt_bench.errors import ConfigError


def load_plugins(paths: Sequence[Path]) -> None:
    """Import Python files that register scores; a file already imported is not imported again.

    Raises:
        ConfigError: a file is missing or no Python file. Errors of the code itself are not caught.
    """
    for path in paths:
        if path.suffix != ".py" or not path.is_file():
            raise ConfigError(f"{path}: expected a Python file that registers scores, got none")
        name = f"lt_bench_plugin_{path.stem}"
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
